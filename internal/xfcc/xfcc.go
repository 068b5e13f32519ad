// Package xfcc writes and reads the header in which a proxy that ends TLS tells the next hop the client certificate that
// it has verified: x-forwarded-client-cert, in the format of Envoy
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert).
//
// Who reads it must know that it comes from such a proxy: it is no proof of anything.
package xfcc

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Header is the name of the header, as gRPC metadata spells it.
const Header = "x-forwarded-client-cert"

// MaxBytes is the size up to which a value is read. A certificate of 4 KiB, a large one, takes 6.
const MaxBytes = 16 << 10

const (
	typeCertificate = "CERTIFICATE"
	beginOfPEM      = "-----BEGIN " + typeCertificate + "-----"
)

// Format tells a certificate: its SHA-256 and the certificate itself, all in visible ASCII, as metadata values must be.
// What else Envoy can tell stands in the certificate.
func Format(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	text := pem.EncodeToMemory(&pem.Block{Type: typeCertificate, Bytes: certificate.Raw})
	// Percent-encoding (RFC 3986, 2.1), not that of forms, in which a + is a space.
	encoded := strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20")
	return "Hash=" + hex.EncodeToString(sum[:]) + `;Cert="` + encoded + `"`
}

// Parse reads the values of the header that a request has. There must be one, which tells of one hop: more of them would
// mean that there were other proxies before, or that a client has sent some. It must tell the certificate itself, and
// each key at most once but for subject alternative names; a hash must be that of the certificate. Everything else is an
// error, which does not repeat what came.
func Parse(values []string) (*x509.Certificate, error) {
	if len(values) != 1 {
		return nil, fmt.Errorf("%s: %d values, not one", Header, len(values))
	}
	certificate, err := parse(values[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Header, err)
	}
	return certificate, nil
}

func parse(value string) (*x509.Certificate, error) {
	if len(value) > MaxBytes {
		return nil, fmt.Errorf("longer than %d bytes", MaxBytes)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("not printable ASCII")
	}
	pairs, err := parseElement(value)
	if err != nil {
		return nil, err
	}
	encoded, ok := pairs["cert"]
	if !ok {
		return nil, errors.New("no Cert")
	}
	certificate, err := decodeCertificate(encoded)
	if err != nil {
		return nil, err
	}
	if told, ok := pairs["hash"]; ok {
		sum := sha256.Sum256(certificate.Raw)
		if subtle.ConstantTimeCompare([]byte(strings.ToLower(told)), []byte(hex.EncodeToString(sum[:]))) != 1 {
			return nil, errors.New("the Hash is of another certificate")
		}
	}
	return certificate, nil
}

// parseElement reads the one element of a value: pairs KEY=VALUE with semicolons between them, by keys in lower case.
func parseElement(text string) (map[string]string, error) {
	pairs := map[string]string{}
	for {
		key, rest, ok := strings.Cut(text, "=")
		key = strings.ToLower(key)
		repeats := slices.Contains([]string{"uri", "dns", "by"}, key)
		if !ok || !repeats && !slices.Contains([]string{"hash", "cert", "chain", "subject"}, key) {
			return nil, errors.New("a key that is not known")
		}
		if _, twice := pairs[key]; twice && !repeats {
			return nil, errors.New("a key twice")
		}
		value, rest, err := cutValue(rest)
		if err != nil {
			return nil, err
		}
		pairs[key] = value
		if rest == "" {
			return pairs, nil
		}
		if rest[0] == ',' {
			return nil, errors.New("more than one element")
		}
		text = rest[1:]
	}
}

// cutValue reads the value at the begin of a text; the rest begins with a separator, unless it is empty.
func cutValue(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, `,;="\`)
		if end < 0 {
			return text, "", nil
		}
		// Who quotes nothing lets a certificate write pairs of its own.
		if text[end] != ',' && text[end] != ';' {
			return "", "", errors.New("a value that has to stand in quotes and doesn't")
		}
		return text[:end], text[end:], nil
	}
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			rest = text[i+1:]
			if rest != "" && rest[0] != ',' && rest[0] != ';' {
				return "", "", errors.New("something behind the quotes")
			}
			return out.String(), rest, nil
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			out.WriteByte(text[i])
		default:
			out.WriteByte(c)
		}
	}
	return "", "", errors.New("quotes that don't end")
}

func decodeCertificate(encoded string) (*x509.Certificate, error) {
	text, err := url.PathUnescape(encoded)
	if err != nil || !strings.HasPrefix(text, beginOfPEM) {
		return nil, errors.New("the Cert is not percent-encoded PEM")
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != typeCertificate || len(block.Headers) > 0 || strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("the Cert is not one certificate in PEM")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("the Cert is not an X.509 certificate")
	}
	return certificate, nil
}
