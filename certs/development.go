package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ordermanagement/internal/atomicfile"
)

const (
	certificateMode fs.FileMode = 0o644
	keyMode         fs.FileMode = 0o600
	directoryMode   fs.FileMode = 0o700

	// GatewayName is the common name of the gateway's certificate.
	GatewayName = "gateway"
	// GatewayURI is the identity in the gateway's certificate, in the form of a SPIFFE ID.
	GatewayURI = "spiffe://ordermanagement/gateway"

	// renewBefore the end of a leaf it is issued anew.
	renewBefore = 30 * 24 * time.Hour
)

// DevelopmentOptions changes what [EnsureDevelopment] makes. The zero value is good.
type DevelopmentOptions struct {
	Hosts     []string         // DNS names and IP addresses of the server, beside localhost and the machine's name
	Algorithm Algorithm        // of new keys; ECDSAP256 if empty
	Validity  time.Duration    // of a new authority; DefaultAuthorityValidity if zero
	Now       func() time.Time // time.Now if nil
	Logger    *slog.Logger     // told about files that are made or renewed; may be nil
}

// Development names the files of a development directory.
type Development struct {
	CAFile, CAKeyFile               string
	ServerCertFile, ServerKeyFile   string
	GatewayCertFile, GatewayKeyFile string
}

// EnsureDevelopment makes what is missing of an authority, a server's certificate and a gateway's client certificate
// in a directory, and the directory itself. What is there is used; a leaf that ends within 30 days, or that doesn't
// name a host that it should, gets a new certificate for the same key. A file that is damaged, or that doesn't
// belong to the others, is never replaced, but an error that names it and says what to do.
//
// It may be killed at any time and be called again, also by several processes at once: every step is one file that
// appears whole, the key before its certificate, and the next call goes on with what it finds.
func EnsureDevelopment(dir string, opts DevelopmentOptions) (Development, error) {
	d := developmentIn(dir)
	opts.Now = clockOr(opts.Now)
	opts.Logger = loggerOr(opts.Logger)

	server, err := serverRequest(opts.Hosts)
	if err != nil {
		return Development{}, err
	}
	gateway := LeafRequest{CommonName: GatewayName, Client: true}
	uri, err := url.Parse(GatewayURI)
	if err != nil {
		return Development{}, err
	}
	gateway.URIs = []*url.URL{uri}

	authority, err := d.ensureAuthority(dir, opts)
	if err != nil {
		return Development{}, err
	}
	if err := ensureLeaf(authority, d.ServerCertFile, d.ServerKeyFile, server, opts); err != nil {
		return Development{}, err
	}
	if err := ensureLeaf(authority, d.GatewayCertFile, d.GatewayKeyFile, gateway, opts); err != nil {
		return Development{}, err
	}
	return d, nil
}

// EnsureAuthority does so for the authority alone; leaves are not looked at. Hosts have no meaning here.
func EnsureAuthority(dir string, opts DevelopmentOptions) (*Authority, error) {
	opts.Now = clockOr(opts.Now)
	opts.Logger = loggerOr(opts.Logger)
	return developmentIn(dir).ensureAuthority(dir, opts)
}

func developmentIn(dir string) Development {
	return Development{
		CAFile: filepath.Join(dir, "ca.crt"), CAKeyFile: filepath.Join(dir, "ca.key"),
		ServerCertFile: filepath.Join(dir, "server.crt"), ServerKeyFile: filepath.Join(dir, "server.key"),
		GatewayCertFile: filepath.Join(dir, "gateway.crt"), GatewayKeyFile: filepath.Join(dir, "gateway.key"),
	}
}

// serverRequest asks for the names under which a machine reaches itself, and for the given ones.
func serverRequest(hosts []string) (LeafRequest, error) {
	req := LeafRequest{CommonName: "ordermanagement server", Server: true}
	all := []string{"localhost", "127.0.0.1", "::1"}
	// A machine's name may be anything. It's a convenience here, so one that can't be in a certificate is left out.
	if name, err := os.Hostname(); err == nil && isDNSName(name) {
		all = append(all, name)
	}
	for _, host := range append(all, hosts...) {
		host = strings.ToLower(host)
		if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
			if !slices.ContainsFunc(req.IPs, ip.Equal) {
				req.IPs = append(req.IPs, ip)
			}
		} else if !isDNSName(host) {
			return req, fmt.Errorf("%q is neither a DNS name nor an IP address", host)
		} else if !slices.Contains(req.DNSNames, host) {
			req.DNSNames = append(req.DNSNames, host)
		}
	}
	return req, nil
}

func (d Development) ensureAuthority(dir string, opts DevelopmentOptions) (*Authority, error) {
	if err := os.MkdirAll(dir, directoryMode); err != nil {
		return nil, err
	}
	if err := atomicfile.RemoveLeftovers(dir, opts.Now(), "ca.crt", "ca.key", "server.crt", "server.key", "gateway.crt", "gateway.key"); err != nil {
		return nil, err
	}
	// The authority is made first, so certificates without one have lost theirs: a new one wouldn't fit them.
	for _, file := range []string{d.ServerCertFile, d.GatewayCertFile} {
		leaf, err := atomicfile.Exists(file)
		if err != nil {
			return nil, err
		}
		key, err := atomicfile.Exists(d.CAKeyFile)
		if err != nil {
			return nil, err
		}
		if leaf && !key {
			return nil, fmt.Errorf("%s is there, but the key of its authority, %s, is missing: restore %s and %s, or "+
				"remove all .crt and .key files beside it to start over", file, d.CAKeyFile, d.CAFile, d.CAKeyFile)
		}
	}
	if err := ensurePair(d.CAFile, d.CAKeyFile, opts, func(key crypto.Signer) (Pair, error) {
		authority, err := NewAuthority(AuthorityOptions{Key: key, Validity: opts.Validity, Now: opts.Now})
		if err != nil {
			return Pair{}, err
		}
		return authority.Pair()
	}); err != nil {
		return nil, err
	}
	authority, err := LoadAuthority(d.CAFile, d.CAKeyFile, opts.Now)
	if err != nil {
		return nil, fmt.Errorf("%w: restore %s and %s, or remove all .crt and .key files beside them to start over",
			err, d.CAFile, d.CAKeyFile)
	}
	if err := checkTime(authority.Certificate(), opts.Now()); err != nil {
		return nil, fmt.Errorf("the authority %s %w: remove all .crt and .key files beside it to start over, and "+
			"have clients trust the new one", d.CAFile, err)
	}
	return authority, nil
}

func ensureLeaf(authority *Authority, certFile, keyFile string, req LeafRequest, opts DevelopmentOptions) error {
	issue := func(key crypto.Signer) (Pair, error) {
		req.Key = key
		return authority.Issue(req)
	}
	if err := ensurePair(certFile, keyFile, opts, issue); err != nil {
		return err
	}
	pair, err := loadPair(certFile, keyFile)
	if err != nil {
		return removalAdvice(err, certFile, keyFile)
	}
	if err := checkIssuer(pair.Leaf, authority.Certificate()); err != nil {
		return removalAdvice(fmt.Errorf("%s: not issued by the authority beside it: %w", certFile, err),
			certFile, keyFile)
	}
	if err := checkUsage(pair.Leaf, req.usages()[0]); err != nil {
		return removalAdvice(fmt.Errorf("%s: %w", certFile, err), certFile, keyFile)
	}
	reason := renewalReason(authority, pair.Leaf, req, opts.Now())
	if reason == "" {
		return nil
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return fmt.Errorf("%s: a key of type %T can't sign", keyFile, pair.PrivateKey)
	}
	renewed, err := issue(key)
	if err != nil {
		return fmt.Errorf("renewing %s: %w", certFile, err)
	}
	// The key stays: one file is replaced, so there is no moment at which the two don't fit.
	if err := atomicfile.Replace(certFile, renewed.Certificate, certificateMode); err != nil {
		return err
	}
	opts.Logger.Info("certificate renewed", "file", certFile, "reason", reason)
	return nil
}

// checkIssuer tells whether a leaf, expired or not, is one of the authority's.
func checkIssuer(leaf, authority *x509.Certificate) error {
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:       roots,
		CurrentTime: leaf.NotAfter,
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

// renewalReason is empty for a leaf that is good as it is.
func renewalReason(authority *Authority, leaf *x509.Certificate, req LeafRequest, now time.Time) string {
	for _, name := range req.DNSNames {
		if !slices.Contains(leaf.DNSNames, name) {
			return "it doesn't name " + name
		}
	}
	for _, ip := range req.IPs {
		if !slices.ContainsFunc(leaf.IPAddresses, ip.Equal) {
			return "it doesn't name " + ip.String()
		}
	}
	if now.Before(leaf.NotBefore) {
		return "it isn't valid yet"
	}
	// Near the authority's own end a new leaf would end no later.
	if leaf.NotAfter.Sub(now) < renewBefore && authority.end(now, DefaultLeafValidity).After(leaf.NotAfter) {
		return "it ends at " + leaf.NotAfter.Format(time.RFC3339)
	}
	return ""
}

// ensurePair makes what is missing of a pair of files: the key first, then the certificate that issue makes for it.
// Whoever else does the same at this time, each step has one winner, and everyone goes on with what the winner wrote.
func ensurePair(certFile, keyFile string, opts DevelopmentOptions, issue func(crypto.Signer) (Pair, error)) error {
	// In this order: a certificate that is there has had its key before.
	hasCert, err := atomicfile.Exists(certFile)
	if err != nil {
		return err
	}
	hasKey, err := atomicfile.Exists(keyFile)
	if err != nil {
		return err
	}
	if hasCert && !hasKey {
		return removalAdvice(fmt.Errorf("%s is there, but its key %s is missing", certFile, keyFile), certFile)
	}
	if !hasKey {
		key, err := keyOrNew(nil, opts.Algorithm)
		if err != nil {
			return err
		}
		keyPEM, err := encodeKey(key)
		if err != nil {
			return err
		}
		if err := atomicfile.Create(keyFile, keyPEM, keyMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if !hasCert {
		key, err := loadKey(keyFile)
		if err != nil {
			return removalAdvice(err, keyFile)
		}
		pair, err := issue(key)
		if err != nil {
			return fmt.Errorf("%s: %w", certFile, err)
		}
		switch err := atomicfile.Create(certFile, pair.Certificate, certificateMode); {
		case err == nil:
			opts.Logger.Info("certificate made", "file", certFile)
		case !errors.Is(err, fs.ErrExist):
			return err
		}
	}
	return nil
}

func removalAdvice(err error, files ...string) error {
	return fmt.Errorf("%w: restore it, or remove %s to have it made anew", err, strings.Join(files, " and "))
}
