package auth

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxSubjects is how many subjects are kept.
const maxSubjects = 1 << 10

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

// subjects keeps the canonical forms of subjects that were seen lately, by their DER: a connection shows the same one
// with each call. What none can be found in is kept as "".
type subjects struct{ seen *lru.Cache[string, string] }

func newSubjects() subjects {
	seen, _ := lru.New[string, string](maxSubjects) // fails for no size only
	return subjects{seen}
}

func (s subjects) of(der []byte) string {
	key := string(der)
	subject, ok := s.seen.Get(key)
	if !ok {
		subject, _ = subjectOf(der)
		s.seen.Add(key, subject)
	}
	return subject
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
	seen := newSubjects()
	return func(certificate *x509.Certificate) bool {
		return slices.ContainsFunc(seen.identities(certificate), func(identity string) bool { return wanted[identity] })
	}, nil
}

// identities are the names in a certificate, in the form in which they are compared.
func (s subjects) identities(certificate *x509.Certificate) []string {
	var all []string
	if subject := s.of(certificate.RawSubject); subject != "" {
		all = append(all, subject)
	}
	for _, name := range certificate.DNSNames {
		all = append(all, dnsIdentity(name))
	}
	for _, uri := range uris(certificate) {
		all = append(all, "uri:"+uri)
	}
	for _, address := range certificate.EmailAddresses {
		all = append(all, emailIdentity(address))
	}
	return all
}

// uris are the URIs in a certificate as they stand there: crypto/x509 answers them parsed, and two that differ may become
// one when they are written again.
func uris(certificate *x509.Certificate) (all []string) {
	const uniformResourceIdentifier = 6 // of a GeneralName (RFC 5280, 4.2.1.6)
	for _, extension := range certificate.Extensions {
		if !extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(extension.Value, &names); err != nil || len(rest) > 0 {
			return nil
		}
		for _, name := range names {
			if name.Class == asn1.ClassContextSpecific && name.Tag == uniformResourceIdentifier {
				all = append(all, string(name.Bytes))
			}
		}
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

// verifyCertificate finds the caller of a certificate among those that are known by identity.
func (s subjects) verifyCertificate(known map[string]Caller, certificate *x509.Certificate) (Caller, error) {
	var found Caller
	for _, identity := range s.identities(certificate) {
		caller, ok := known[identity]
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
