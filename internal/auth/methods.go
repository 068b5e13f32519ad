package auth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
)

// Methods are the ways in which callers make themselves known. The first credential of a request counts, in this order: a
// bearer token, a password, a client certificate. One that is there and wrong is refused; the next is not tried.
type Methods struct {
	// Tokens are asked one after the other; the first that knows a token decides.
	Tokens []TokenVerifier
	// Passwords may be nil: Basic is not taken then.
	Passwords PasswordVerifier
	// Certificates may be nil: they say nothing about the caller then.
	Certificates CertificateVerifier
}

// ErrNotMine is what a TokenVerifier answers for a token that another one may know.
var ErrNotMine = errors.New("not a token of this kind")

// TokenVerifier finds the caller of a bearer token (RFC 6750).
type TokenVerifier interface {
	VerifyToken(ctx context.Context, token string) (Caller, error)
}

// PasswordVerifier finds the caller of a user name and password (RFC 7617).
type PasswordVerifier interface {
	VerifyPassword(ctx context.Context, user, password string) (Caller, error)
}

// CertificateVerifier finds the caller whose certificate it is. TLS has verified it.
type CertificateVerifier interface {
	VerifyCertificate(certificate *x509.Certificate) (Caller, error)
}

var _ Authenticator = (*Methods)(nil)

// Authenticate finds the caller by the first credential of the request.
func (m *Methods) Authenticate(ctx context.Context, credentials Credentials) (Caller, error) {
	switch len(credentials.Authorization) {
	case 0:
		if credentials.Certificate == nil || m.Certificates == nil {
			return Caller{}, Refuse(KindNone, Missing, "no credential")
		}
		return m.Certificates.VerifyCertificate(credentials.Certificate)
	case 1:
	default:
		return Caller{}, Refuse(KindOther, Repeated, "more than one authorization")
	}
	scheme, rest, _ := strings.Cut(credentials.Authorization[0], " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return m.token(ctx, rest)
	case strings.EqualFold(scheme, "Basic") && m.Passwords != nil:
		return m.password(ctx, rest)
	}
	return Caller{}, Refuse(KindOther, Malformed, "the scheme is not one that is taken")
}

func (m *Methods) token(ctx context.Context, token string) (Caller, error) {
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Caller{}, Refuse(KindBearer, Malformed, "not a bearer token")
	}
	for _, verifier := range m.Tokens {
		if caller, err := verifier.VerifyToken(ctx, token); !errors.Is(err, ErrNotMine) {
			return caller, err
		}
	}
	return Caller{}, Refuse(KindBearer, Unknown, "nobody has this token")
}

func (m *Methods) password(ctx context.Context, encoded string) (Caller, error) {
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	user, password, ok := strings.Cut(string(decoded), ":")
	if err != nil || !ok {
		return Caller{}, Refuse(KindBasic, Malformed, "not the base64 of USER:PASSWORD")
	}
	return m.Passwords.VerifyPassword(ctx, user, password)
}

// Challenges asks for a bearer token, and says when the one that came is none (RFC 6750, 3.1), and for a password, where
// one is taken (RFC 7617, 2).
func (m *Methods) Challenges(refused error) []string {
	challenge := `Bearer realm="` + Realm + `"`
	if errors.Is(refused, ErrInvalid) {
		challenge += `, error="invalid_token"`
	}
	challenges := []string{challenge}
	if m.Passwords != nil {
		challenges = append(challenges, `Basic realm="`+Realm+`", charset="UTF-8"`)
	}
	return challenges
}
