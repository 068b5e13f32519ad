package auth

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
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

// TokenVerifier finds the caller of a bearer token (RFC 6750). Where it comes from serves only to bound what it may cost.
type TokenVerifier interface {
	VerifyToken(ctx context.Context, token string, origin Origin) (Caller, error)
}

// PasswordVerifier finds the caller of a user name and password (RFC 7617). Where they come from serves only to bound what
// may be tried.
type PasswordVerifier interface {
	VerifyPassword(ctx context.Context, user, password string, origin Origin) (Caller, error)
	// HasUsers says whether anybody can have a right password; Basic is not taken otherwise.
	HasUsers() bool
}

// CertificateVerifier finds the caller whose certificate it is. TLS has verified it. One that nobody has is refused with
// [KindCertificate] and [Unknown].
type CertificateVerifier interface {
	VerifyCertificate(certificate *x509.Certificate) (Caller, error)
}

// maxBasicBytes is how long the base64 of USER:PASSWORD may be; names and passwords are much shorter.
const maxBasicBytes = 1 << 10

var _ Authenticator = (*Methods)(nil)

// repeated is what a gateway makes of several Authorization headers; no scheme has such a name.
const repeated = "(repeated)"

// Authenticate finds the caller by the first credential of the request. It takes "SCHEME CREDENTIAL" with one space, which
// is what clients send, and the scheme in any case (RFC 9110, 11.4).
func (m *Methods) Authenticate(ctx context.Context, credentials Credentials) (Caller, error) {
	switch len(credentials.Authorization) {
	case 0:
		if credentials.Certificate == nil || m.Certificates == nil {
			return Caller{}, Refuse(KindNone, Missing, cmp.Or(credentials.NotBelieved, "no credential"))
		}
		return m.Certificates.VerifyCertificate(credentials.Certificate)
	case 1:
	default:
		return Caller{}, Refuse(KindOther, Repeated, "more than one authorization")
	}
	scheme, rest, _ := strings.Cut(credentials.Authorization[0], " ")
	switch {
	case scheme == repeated:
		return Caller{}, Refuse(KindOther, Repeated, "more than one Authorization header")
	case strings.EqualFold(scheme, "Bearer"):
		return m.token(ctx, rest, credentials.Origin)
	case strings.EqualFold(scheme, "Basic") && m.takesPasswords():
		return m.password(ctx, rest, credentials.Origin)
	}
	return Caller{}, Refuse(KindOther, Malformed, "the scheme is not one that is taken")
}

func (m *Methods) token(ctx context.Context, token string, origin Origin) (Caller, error) {
	if !IsToken(token) {
		return Caller{}, Refuse(KindBearer, Malformed, "not a bearer token (RFC 6750, 2.1), or too long")
	}
	refused := Refuse(KindBearer, Unknown, "nobody has this token")
	for _, verifier := range m.Tokens {
		caller, err := verifier.VerifyToken(ctx, token, origin)
		if !errors.Is(err, ErrNotMine) {
			return caller, err
		}
		var guess notMine
		if errors.As(err, &guess) {
			refused = guess.Refusal
		}
	}
	return Caller{}, refused
}

// NotMine is [ErrNotMine] of a token about which something can be said for the log, should nobody know it.
func NotMine(kind Kind, cause Cause, detail string) error {
	return notMine{Refuse(kind, cause, detail)}
}

type notMine struct{ *Refusal }

func (notMine) Is(target error) bool { return target == ErrNotMine }

func (m *Methods) takesPasswords() bool { return m.Passwords != nil && m.Passwords.HasUsers() }

func (m *Methods) password(ctx context.Context, encoded string, origin Origin) (Caller, error) {
	user, password, err := parseBasic(encoded)
	if err != nil {
		return Caller{}, Refuse(KindBasic, Malformed, err.Error())
	}
	return m.Passwords.VerifyPassword(ctx, user, password, origin)
}

// parseBasic reads the credentials of the scheme Basic (RFC 7617, 2): the base64 of USER:PASSWORD in UTF-8, without
// control characters. A password may hold colons, a user name may not, nor be empty.
func parseBasic(encoded string) (user, password string, err error) {
	// The decoder skips line ends, which belong in no header.
	if len(encoded) > maxBasicBytes || strings.ContainsAny(encoded, "\r\n") {
		return "", "", errors.New("too long, or of several lines")
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", errors.New("not base64") // the error of the decoder says where
	}
	user, password, ok := strings.Cut(string(decoded), ":")
	switch {
	case !ok:
		return "", "", errors.New("no colon behind the user name")
	case user == "":
		return "", "", errors.New("no user name")
	case !utf8.Valid(decoded) || strings.ContainsFunc(string(decoded), unicode.IsControl):
		return "", "", errors.New("not UTF-8, or with control characters")
	}
	return user, password, nil
}

// Challenges asks for the kinds of credentials that are taken: for a bearer token, which says that the one that came is
// none (RFC 6750, 3.1), and for a password (RFC 7617, 2). A client certificate can't be asked for here.
func (m *Methods) Challenges(refused *Refusal) []string {
	var challenges []string
	if len(m.Tokens) > 0 {
		challenge := `Bearer realm="` + Realm + `"`
		if isInvalidToken(refused) {
			challenge += `, error="invalid_token"`
			if refused.Cause == Expired {
				challenge += `, error_description="the token has expired"`
			}
		}
		challenges = append(challenges, challenge)
	}
	if m.takesPasswords() {
		challenges = append(challenges, `Basic realm="`+Realm+`", charset="UTF-8"`)
	}
	return challenges
}

// isInvalidToken says whether a bearer token came and is the reason.
func isInvalidToken(refused *Refusal) bool {
	return refused.meaning() == ErrInvalid && refused.Kind.bearer()
}

// Insufficient is the challenge to a caller that is known but lacks a scope (RFC 6750, 3.1); none, if another token would
// not help.
func Insufficient(caller Caller, scope string) (challenge string, ok bool) {
	return `Bearer realm="` + Realm + `", error="insufficient_scope", scope="` + scope + `"`, caller.Kind.bearer()
}

// bearer says whether a credential is a bearer token.
func (k Kind) bearer() bool {
	switch k {
	case KindBearer, KindToken, KindJWT, KindIntrospect:
		return true
	}
	return false
}
