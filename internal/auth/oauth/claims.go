package oauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4/jwt"

	"ordermanagement/internal/auth"
)

const (
	// MaxToken is the length up to which a token is looked at, in bytes.
	MaxToken = auth.MaxTokenBytes
	// MaxSubject is the length up to which a subject is taken, in bytes (OpenID Connect Core 1.0, 2: 255 characters).
	MaxSubject = 255
	// DefaultSkew is how far the clocks of others may be off.
	DefaultSkew = time.Minute
)

// Claims names the claims of a token that say who its caller is: members of the token, or of what is answered about it.
// An empty name stands for the default.
type Claims struct {
	Subject string // "sub"; printable, not empty, at most MaxSubject bytes
	Tenant  string // "tenant"
	Scopes  string // "scope": strings, or one with spaces between them (RFC 8693, 4.2); those that nobody here knows are dropped
	// FixedTenant is the tenant of every token, instead of what a claim says.
	FixedTenant string
}

// complete fills in the defaults.
func (c Claims) complete() (Claims, error) {
	switch {
	case c.FixedTenant != "" && c.Tenant != "":
		return c, errors.New("a claim for the tenant and a tenant for every token exclude each other; set one of them")
	case c.FixedTenant != "" && !auth.ValidTenant(c.FixedTenant):
		return c, fmt.Errorf("the tenant %q must be 1 to 63 lower-case letters, digits or '-'", c.FixedTenant)
	}
	for name, fallback := range map[*string]string{&c.Subject: "sub", &c.Tenant: "tenant", &c.Scopes: "scope"} {
		if *name == "" {
			*name = fallback
		}
	}
	return c, nil
}

// caller is whom the claims of a genuine token name.
func (c Claims) caller(kind auth.Kind, claims object) (auth.Caller, error) {
	// The token is bound to a key that whoever shows it has to prove (RFC 7800), which a bearer doesn't.
	if claims.has("cnf") {
		return auth.Caller{}, auth.Refuse(kind, auth.Malformed, "is bound to a key (cnf), so it is no bearer token")
	}
	subject, ok := claims.text(c.Subject)
	if !ok || subject == "" || len(subject) > MaxSubject || strings.ContainsFunc(subject, unprintable) {
		return auth.Caller{}, auth.Refuse(kind, auth.NoCaller, fmt.Sprintf("the claim %s is not a printable string of 1 to %d bytes", c.Subject, MaxSubject))
	}
	tenant := c.FixedTenant
	if tenant == "" {
		if tenant, ok = claims.text(c.Tenant); !ok || !auth.ValidTenant(tenant) {
			return auth.Caller{}, auth.Refuse(kind, auth.NoCaller, "the claim "+c.Tenant+" is not the name of a tenant")
		}
	}
	granted, ok := claims.scopes(c.Scopes)
	if !ok {
		return auth.Caller{}, auth.Refuse(kind, auth.NoCaller, "the claim "+c.Scopes+" is neither a string nor a list of strings")
	}
	return auth.Caller{Subject: string(kind) + ":" + subject, Tenant: tenant, Scopes: known(granted), Kind: kind}, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// known are the scopes among those granted that mean something here.
func known(granted []string) []string {
	scopes := auth.AllScopes()
	return slices.DeleteFunc(scopes, func(scope string) bool {
		return !slices.Contains(granted, scope)
	})
}

// check compares what a token says of itself with what is expected of it.
func check(kind auth.Kind, claims jwt.Claims, expected jwt.Expected, skew time.Duration) error {
	err := claims.ValidateWithLeeway(expected, skew)
	for failure, cause := range map[error]auth.Cause{
		jwt.ErrInvalidIssuer: auth.WrongIssuer, jwt.ErrInvalidAudience: auth.WrongAudience,
		jwt.ErrExpired: auth.Expired, jwt.ErrNotValidYet: auth.NotYetValid, jwt.ErrIssuedInTheFuture: auth.NotYetValid,
	} {
		if errors.Is(err, failure) {
			return auth.Refuse(kind, cause, strings.TrimPrefix(failure.Error(), "go-jose/go-jose/jwt: "))
		}
	}
	return err
}
