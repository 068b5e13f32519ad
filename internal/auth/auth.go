// Package auth knows who is calling: it turns the credentials of a request into a caller with a tenant and scopes.
package auth

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// Caller is who is calling.
type Caller struct {
	Subject string   // who, e.g. "token:ci"; part of the scope of idempotency keys and of the history of orders
	Tenant  string   // whose resources it sees
	Scopes  []string // what it may do
}

// Has says whether the caller holds the scope.
func (c Caller) Has(scope string) bool { return slices.Contains(c.Scopes, scope) }

// Credentials is what a request carries about its caller.
type Credentials struct {
	Authorization []string // the values of the metadata key "authorization"
	// ForwardedFor is where the call comes from, as gateways and proxies tell it: the values of the metadata key
	// "x-forwarded-for". A caller can lie in it, so it serves only to refuse.
	ForwardedFor []string
}

// Why a request has no caller.
var (
	// ErrMissing: the request carries no credential.
	ErrMissing = errors.New("no credential")
	// ErrInvalid: the request carries a credential that is malformed, unknown, expired or revoked.
	ErrInvalid = errors.New("invalid credential")
)

// Authenticator finds the caller of a request. Its error wraps ErrMissing or ErrInvalid, says why for the log, and never
// holds the credential; any other error means that it could not find out.
type Authenticator interface {
	Authenticate(ctx context.Context, credentials Credentials) (Caller, error)
	// Challenges lists the values of WWW-Authenticate that say which credentials are taken (RFC 9110, 11.6.1), to a request
	// that was refused for that reason.
	Challenges(refused error) []string
}

// Realm is the realm of every challenge.
const Realm = "ordermanagement"

// DefaultTenant is the tenant of an installation that has only one.
const DefaultTenant = "default"

// AllScopes lists every scope that the contract's policies name; the server checks at start that it names no other.
func AllScopes() []string {
	return []string{"orders.read", "orders.write", "products.read", "products.write"}
}

// Anonymous takes every request for one caller who may do everything. It is what --auth=off means, and it looks at no
// credential at all. Its listener is reached from this machine only; a gateway in front of it may be reached from others,
// so what it forwards for them is refused.
type Anonymous struct{}

// Authenticate answers the one caller.
func (Anonymous) Authenticate(_ context.Context, credentials Credentials) (Caller, error) {
	for _, value := range credentials.ForwardedFor {
		for hop := range strings.SplitSeq(value, ",") {
			address, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil || !address.Unmap().IsLoopback() {
				return Caller{}, errorf("without authentication only this machine may call, and not for another one")
			}
		}
	}
	return Caller{Subject: "anonymous", Tenant: DefaultTenant, Scopes: AllScopes()}, nil
}

// Challenges is empty: nothing is refused.
func (Anonymous) Challenges(error) []string { return nil }

// bearer takes the token out of the one Authorization value of the request (RFC 6750, 2.1).
func bearer(credentials Credentials) (string, error) {
	switch len(credentials.Authorization) {
	case 0:
		return "", ErrMissing
	case 1:
	default:
		return "", errorf("more than one authorization")
	}
	scheme, token, _ := strings.Cut(credentials.Authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", errorf("the scheme is not Bearer")
	}
	if token == "" || strings.ContainsAny(token, " \t") {
		return "", errorf("malformed bearer token")
	}
	return token, nil
}

func errorf(why string) error { return &invalidError{why} }

// invalidError is ErrInvalid with the reason for the log.
type invalidError struct{ why string }

func (e *invalidError) Error() string { return e.why }

func (e *invalidError) Unwrap() error { return ErrInvalid }
