package certs

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
)

const (
	// DefaultLeafValidity is how long a leaf lives whose request names no validity.
	DefaultLeafValidity = 365 * 24 * time.Hour

	maxCommonName = 64  // characters: ub-common-name, RFC 5280, appendix A.1
	maxDNSName    = 253 // RFC 1035, 2.3.4, in text form
	maxDNSLabel   = 63  // RFC 1035, 2.3.4
)

// LeafRequest says what [Authority.Issue] signs. At least one of Server and Client has to be set.
type LeafRequest struct {
	CommonName string        // at most 64 characters; may be empty
	DNSNames   []string      // host names, also of the form *.example.com
	IPs        []net.IP      // addresses
	URIs       []*url.URL    // identities, absolute
	Server     bool          // may be used by a TLS server; needs a DNS name or an IP
	Client     bool          // may be used by a TLS client
	Algorithm  Algorithm     // of the key; ECDSAP256 if empty
	Key        crypto.Signer // an existing key, to renew its certificate, instead of a new one
	Validity   time.Duration // DefaultLeafValidity if zero; cut at the end of the authority
}

// Issue signs a leaf certificate. It fails on a request that makes no usable certificate, and when the authority isn't
// valid at this time.
func (a *Authority) Issue(req LeafRequest) (Pair, error) {
	validity, err := validityOr(req.Validity, DefaultLeafValidity)
	if err != nil {
		return Pair{}, err
	}
	if err := req.validate(); err != nil {
		return Pair{}, err
	}
	now := a.now()
	if err := checkTime(a.certificate, now); err != nil {
		return Pair{}, fmt.Errorf("the authority %q %w", a.certificate.Subject.CommonName, err)
	}
	key, err := keyOrNew(req.Key, req.Algorithm)
	if err != nil {
		return Pair{}, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: req.CommonName},
		DNSNames:              req.DNSNames,
		IPAddresses:           req.IPs,
		URIs:                  req.URIs,
		NotBefore:             later(now.Add(-clockSkew), a.certificate.NotBefore),
		NotAfter:              a.end(now, validity),
		BasicConstraintsValid: true,
		// All that TLS 1.3 and the ECDHE suites of TLS 1.2 use a key for, RSA keys too.
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: req.usages(),
	}
	leaf, err := sign(template, a.certificate, key.Public(), a.key)
	if err != nil {
		return Pair{}, err
	}
	return newPair(leaf, key)
}

// end is when a leaf ends that is issued now: none outlives its authority.
func (a *Authority) end(now time.Time, validity time.Duration) time.Time {
	if end := now.Add(validity); end.Before(a.certificate.NotAfter) {
		return end
	}
	return a.certificate.NotAfter
}

func (r LeafRequest) usages() (usages []x509.ExtKeyUsage) {
	if r.Server {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	if r.Client {
		usages = append(usages, x509.ExtKeyUsageClientAuth)
	}
	return usages
}

func (r LeafRequest) validate() error {
	if !r.Server && !r.Client {
		return errors.New("a certificate has to be for a server, for a client or for both")
	}
	// Clients look for the host among the alternative names only (RFC 9525).
	if r.Server && len(r.DNSNames)+len(r.IPs) == 0 {
		return errors.New("a server's certificate needs a DNS name or an IP address")
	}
	if r.CommonName == "" && len(r.DNSNames)+len(r.IPs)+len(r.URIs) == 0 {
		return errors.New("a certificate needs a common name, a DNS name, an IP address or a URI")
	}
	if err := checkCommonName(r.CommonName); err != nil {
		return err
	}
	for _, name := range r.DNSNames {
		if !isDNSName(name) {
			return fmt.Errorf("%q is not a DNS name", name)
		}
	}
	for _, ip := range r.IPs {
		if len(ip) != net.IPv4len && len(ip) != net.IPv6len {
			return fmt.Errorf("%q is not an IP address", ip)
		}
	}
	for _, uri := range r.URIs {
		if uri == nil || !uri.IsAbs() {
			return fmt.Errorf("the URI %q is not absolute", uri)
		}
	}
	return nil
}

func checkCommonName(name string) error {
	if n := len([]rune(name)); n > maxCommonName {
		return fmt.Errorf("a common name may have %d characters, not %d", maxCommonName, n)
	}
	return nil
}

// isDNSName tells whether name is a host name, or one behind "*.". Underscores are not in the standard, but in use.
func isDNSName(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	if len(name) > maxDNSName || net.ParseIP(name) != nil {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxDNSLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

// checkTime is nil while the certificate is valid. The text of its error continues "the certificate ...".
func checkTime(certificate *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(certificate.NotBefore):
		return fmt.Errorf("is not valid before %s: check the clock", certificate.NotBefore.Format(time.RFC3339))
	case now.After(certificate.NotAfter):
		return fmt.Errorf("expired at %s", certificate.NotAfter.Format(time.RFC3339))
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
