// Package auth knows who is calling: it turns the credentials of a request into a caller with a tenant and scopes.
//
// [Methods] holds the ways in which callers make themselves known, one of them a file of this package each. What is told
// by tokens of others, JWTs and introspected ones, is package auth/oauth.
package auth

import (
	"context"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
)

// Caller is who is calling.
type Caller struct {
	// Subject is who, with the kind of credential before it, e.g. "token:ci", "user:ann", "certificate:batch",
	// "jwt:248289761001"; part of the scope of idempotency keys and of the history of orders.
	Subject string
	Tenant  string   // whose resources it sees
	Scopes  []string // what it may do
	Kind    Kind     // of the credential by which it is known
}

// Has says whether the caller holds the scope.
func (c Caller) Has(scope string) bool { return slices.Contains(c.Scopes, scope) }

// Credentials is what a request carries about its caller.
type Credentials struct {
	Authorization []string // the values of the metadata key "authorization"
	// Certificate is the client certificate that TLS has verified, of the caller itself: shown on this connection, or told
	// by a gateway that is trusted.
	Certificate *x509.Certificate
	Origin      Origin // where the request comes from
	// NotBelieved says, for the log, why the certificate that somebody tells of is not believed; empty if nobody does.
	NotBelieved string
	// ForwardedFor is where the call comes from, as gateways and proxies tell it: the values of the metadata key
	// "x-forwarded-for". A caller can lie in it, so it serves only to refuse.
	ForwardedFor []string
}

// Authenticator finds the caller of a request. An error that is a [*Refusal] says why there is none; any other means that
// something went wrong inside.
type Authenticator interface {
	Authenticate(ctx context.Context, credentials Credentials) (Caller, error)
	// Challenges lists the values of WWW-Authenticate that say which credentials are taken (RFC 9110, 11.6.1), to a request
	// that was refused for that reason.
	Challenges(refused *Refusal) []string
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
				return Caller{}, Refuse(KindNone, Elsewhere, "without authentication only this machine may call, and not for another one")
			}
		}
	}
	return Caller{Subject: "anonymous", Tenant: DefaultTenant, Scopes: AllScopes(), Kind: KindNone}, nil
}

// Challenges is empty: nothing is refused.
func (Anonymous) Challenges(*Refusal) []string { return nil }
