package auth

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// shownSubject is how much of a subject the log shows, in bytes.
const shownSubject = 256

// canonicalIdentity brings what an operator writes of a certificate into the form in which identities are compared.
func canonicalIdentity(text string) (string, error) {
	kind, value, _ := strings.Cut(text, ":")
	switch kind {
	case "dns":
		if !isVisible(value) {
			return "", errors.New("dns: needs a DNS name, ASCII")
		}
		return dnsIdentity(value), nil
	case "uri":
		if parsed, err := url.Parse(value); err != nil || !isVisible(value) || parsed.Scheme == "" || parsed.String() != value {
			return "", errors.New("uri: needs an absolute URI in its normal form, such as spiffe://acme.example/batch")
		}
		return "uri:" + value, nil
	case "email":
		if local, domain, ok := cutAddress(value); !ok || !isVisible(value) || local == "" || domain == "" {
			return "", errors.New("email: needs an address, ASCII")
		}
		return emailIdentity(value), nil
	}
	rdns, err := parseSubject(text)
	if err != nil {
		return "", err
	}
	subject, err := canonicalSubject(rdns)
	if err != nil {
		return "", fmt.Errorf("the subject %w", err)
	}
	return subject, nil
}

// MatchCertificate makes a function that says whether a certificate has one of the identities, which are written as those of
// an [Entry].
func MatchCertificate(named []string) (func(*x509.Certificate) bool, error) {
	wanted := make(map[string]bool, len(named))
	for _, name := range named {
		identity, err := canonicalIdentity(name)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		wanted[identity] = true
	}
	names := newCertificateNames()
	return func(certificate *x509.Certificate) bool {
		return slices.ContainsFunc(names.of(certificate), func(identity string) bool { return wanted[identity] })
	}, nil
}

// maxCertificates is of how many certificates the names are kept.
const maxCertificates = 4096

// certificateNames keeps the names in certificates that were seen before: to bring them into the form in which they are
// compared costs more than the rest of a small call's authentication.
type certificateNames struct {
	seen *lru.Cache[[sha256.Size]byte, []string]
}

func newCertificateNames() *certificateNames {
	seen, _ := lru.New[[sha256.Size]byte, []string](maxCertificates) // fails for no size only
	return &certificateNames{seen}
}

func (n *certificateNames) of(certificate *x509.Certificate) []string {
	if len(certificate.Raw) == 0 { // was not parsed
		return identities(certificate)
	}
	sum := sha256.Sum256(certificate.Raw)
	names, ok := n.seen.Get(sum)
	if !ok {
		names = identities(certificate)
		n.seen.Add(sum, names)
	}
	return names
}

// identities are the names in a certificate, in the form in which they are compared.
func identities(certificate *x509.Certificate) []string {
	var all []string
	if subject, err := subjectOf(certificate.RawSubject); err == nil {
		all = append(all, subject)
	}
	for _, name := range certificate.DNSNames {
		all = append(all, dnsIdentity(name))
	}
	for _, uri := range certificate.URIs {
		all = append(all, "uri:"+uri.String())
	}
	for _, address := range certificate.EmailAddresses {
		all = append(all, emailIdentity(address))
	}
	return all
}

// DNS names are compared without case (RFC 5280, 7.2).
func dnsIdentity(name string) string { return "dns:" + strings.ToLower(name) }

// Domains of addresses are compared without case, what stands before them is not (RFC 5280, 7.5).
func emailIdentity(address string) string {
	local, domain, ok := cutAddress(address)
	if !ok {
		return "email:" + address
	}
	return "email:" + local + "@" + strings.ToLower(domain)
}

func cutAddress(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", "", false
	}
	return address[:at], address[at+1:], true
}

// isVisible says whether all of a text is visible ASCII.
func isVisible(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// verify finds the caller of a certificate.
func (s *snapshot) verifyCertificate(certificate *x509.Certificate, names []string) (Caller, error) {
	var found Caller
	for _, identity := range names {
		caller, ok := s.certificates[identity]
		switch {
		case !ok || caller.Subject == found.Subject:
		case found.Subject != "":
			return Caller{}, Refuse(KindCertificate, Ambiguous, fmt.Sprintf("it belongs to several callers: %s and %s", found.Subject, caller.Subject))
		default:
			found = caller
		}
	}
	if found.Subject == "" {
		subject := certificate.Subject.String()
		return Caller{}, Refuse(KindCertificate, Unknown, fmt.Sprintf("no caller has the certificate of %q", subject[:min(len(subject), shownSubject)]))
	}
	return found, nil
}
