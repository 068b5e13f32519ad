package devissuer

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is who asks for tokens (RFC 6749, 2).
type client struct {
	id        string
	secret    string // empty of a public client
	subject   string // of the tokens that it gets for itself
	opaque    bool   // gets opaque tokens
	redirects []string
	grants    []oidc.GrantType
}

func newClients(confidential Client, redirects []string) map[string]*client {
	own := []oidc.GrantType{oidc.GrantTypeClientCredentials}
	clients := map[string]*client{}
	for _, c := range []*client{
		{id: confidential.ID, secret: confidential.Secret, subject: confidential.ID, grants: own},
		{id: confidential.ID + OpaqueSuffix, secret: confidential.Secret, subject: confidential.ID, opaque: true, grants: own},
		{id: DocsClient, redirects: redirects, grants: []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}},
	} {
		clients[c.id] = c
	}
	return clients
}

// authentic says whether the secret is the client's; it takes the same time whatever part of it is right. A public client
// has none to show.
func (c *client) authentic(secret string) bool {
	got, want := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(c.secret))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func invalidClient() error {
	return op.NewStatusError(oidc.ErrInvalidClient().WithDescription("there is no such client, or its secret is another one"), http.StatusUnauthorized)
}

// VerifyClient authenticates the client of a request to /token or /revoke (RFC 6749, 2.3).
func (i *Issuer) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	return i.verifyClient(r.Data)
}

func (i *Issuer) verifyClient(credentials *op.ClientCredentials) (*client, error) {
	c, ok := i.clients[credentials.ClientID]
	if !ok || credentials.ClientAssertion != "" || !c.authentic(credentials.ClientSecret) {
		return nil, invalidClient()
	}
	return c, nil
}

// What the library asks about a client.

func (c *client) GetID() string                    { return c.id }
func (c *client) RedirectURIs() []string           { return c.redirects }
func (c *client) PostLogoutRedirectURIs() []string { return nil }
func (c *client) GrantTypes() []oidc.GrantType     { return c.grants }

// ApplicationType of a user agent is what makes the library compare redirects exactly, and refuse those without TLS.
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeUserAgent }

func (c *client) AuthMethod() oidc.AuthMethod {
	if c.secret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// IsScopeAllowed is true of any: the library drops the others, and [Issuer.Authorize] says that there are none such.
func (c *client) IsScopeAllowed(string) bool { return true }

// The rest is for parts of the library that are not used here.

func (c *client) LoginURL(string) string                                          { return "" }
func (c *client) AccessTokenType() op.AccessTokenType                             { return op.AccessTokenTypeJWT }
func (c *client) IDTokenLifetime() time.Duration                                  { return 0 }
func (c *client) DevMode() bool                                                   { return false }
func (c *client) RestrictAdditionalIdTokenScopes() func(scopes []string) []string { return noScopes }
func (c *client) RestrictAdditionalAccessTokenScopes() func(scopes []string) []string {
	return noScopes
}
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c *client) ClockSkew() time.Duration             { return 0 }

func noScopes([]string) []string { return nil }
