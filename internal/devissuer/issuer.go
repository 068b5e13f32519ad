// Package devissuer is an OAuth 2.0 authorization server and OpenID provider for development: it runs inside `serve`, so
// that the whole story of tokens can be told on one machine. No production service should trust it: it has one client of
// its own, whose secret lies in a file, and its people log in with a token of the very service.
//
// The protocol is github.com/zitadel/oidc's (pkg/op): parameters, redirects, errors. Here is what that library leaves to
// its user: who the clients are (clients.go), who logs in (authorize.go, login.go), what tokens say (tokens.go), which of
// them are exchanged for which (exchange.go) and what becomes of them (introspect.go). Everything is kept in memory and
// bounded (memory.go), and forgotten when the process ends, but the key and the client (files.go).
//
// What there is, below the path of the issuer's URL:
//
//	/.well-known/openid-configuration  what there is (OpenID Connect Discovery 1.0), for programs
//	/keys                              the public key (RFC 7517)
//	/token                             grants: client_credentials, authorization_code with PKCE, refresh_token (RFC 6749, 7636)
//	/introspect, /revoke               of tokens (RFC 7662, RFC 7009)
//	/authorize, /login                 for people, in a browser
//	/userinfo                          the subject of a token that has the scope openid
//
// The client of the file gets JWTs (RFC 9068). Under its id with the suffix [OpaqueSuffix], and with the same secret, it
// gets opaque tokens, about which only /introspect can say anything. The documentation page is the client [DocsClient],
// which has no secret and must use PKCE with S256.
//
// Without the parameter scope a request is for every scope of the service; a scope that there is not is refused with
// invalid_scope, and whoever logs in gives at most the scopes of its own token, of which the answer then tells (RFC 6749,
// 3.3). There is a refresh token for whoever asks for the scope offline_access.
package devissuer

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"

	"ordermanagement/internal/auth"
	"ordermanagement/openapi/docs"
)

// Client is what a confidential client of the issuer identifies itself with.
type Client struct{ ID, Secret string }

const (
	// DocsClient is the id of the documentation page.
	DocsClient = "docs"
	// OpaqueSuffix makes of the id of the client another one, of a client with the same secret that gets opaque tokens.
	OpaqueSuffix = "-opaque"

	// DefaultTokenTTL is how long an access token lives.
	DefaultTokenTTL = 15 * time.Minute
	// MaxTokenTTL is the most of it.
	MaxTokenTTL = 24 * time.Hour
)

// Options says what [New] makes. All but TokenTTL, Logger and Now are needed.
type Options struct {
	// Issuer is the URL of the issuer, https://HOST:PORT/PATH, as tokens and discovery have it. Its path is where the
	// handler is mounted.
	Issuer string
	// Key signs tokens: an ECDSA key on P-256 (ES256) or an RSA key of at least 2048 bits (RS256).
	Key crypto.Signer
	// TokenTTL is how long an access token lives; DefaultTokenTTL if zero.
	TokenTTL time.Duration
	Client   Client
	// Authenticate finds the caller of a bearer token that somebody logs in with, as an auth.TokenVerifier does.
	Authenticate func(ctx context.Context, token string) (auth.Caller, error)
	// Audience is that of access tokens: the service.
	Audience string
	// Redirects are the URLs of the documentation page to which a browser may return, exactly (docs.PathOAuth2Redirect),
	// one for each name of the service.
	Redirects []string
	Logger    *slog.Logger     // slog.Default if nil; what the library logs goes to slog.Default always
	Now       func() time.Time // time.Now if nil
}

// Issuer answers the HTTP requests below its path.
type Issuer struct {
	op.UnimplementedServer
	options   Options
	base      string // path of the issuer's URL
	key       signingKey
	clients   map[string]*client
	sealer    op.Crypto // of authorization requests that wait for somebody to log in
	page      *loginPage
	memory    *memory
	endpoints op.Endpoints
	handler   http.Handler
}

// New makes an issuer. It fails when an option is wrong, and says which.
func New(options Options) (*Issuer, error) {
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.TokenTTL == 0 {
		options.TokenTTL = DefaultTokenTTL
	}
	base, err := options.validate()
	if err != nil {
		return nil, err
	}
	key, err := newSigningKey(options.Key)
	if err != nil {
		return nil, err
	}
	page, err := newLoginPage()
	if err != nil {
		return nil, err
	}
	i := &Issuer{
		options: options, base: base, key: key, page: page,
		clients: newClients(options.Client, options.Redirects),
		sealer:  newSealer(),
		memory:  newMemory(options.Now, options.TokenTTL),
		endpoints: op.Endpoints{
			Authorization: op.NewEndpoint(pathAuthorize),
			Token:         op.NewEndpoint(pathToken),
			Introspection: op.NewEndpoint(pathIntrospect),
			Revocation:    op.NewEndpoint(pathRevoke),
			Userinfo:      op.NewEndpoint(pathUserinfo),
			JwksURI:       op.NewEndpoint(pathKeys),
		},
	}
	i.handler = i.guard(op.RegisterServer(i, i.endpoints, op.WithServerCORSOptions(nil))) // pages of other origins have no business here
	return i, nil
}

func (o *Options) validate() (base string, err error) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.Path == "" || issuer.Path == "/" || issuer.String() != "https://"+issuer.Host+issuer.Path {
		return "", fmt.Errorf("the issuer %q is not https://HOST:PORT/PATH", o.Issuer)
	}
	for _, redirect := range o.Redirects {
		if u, err := url.Parse(redirect); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			return "", fmt.Errorf("the redirect %q is not an https URL without user and fragment", redirect)
		}
	}
	switch {
	case o.Client.ID == "" || o.Client.Secret == "":
		return "", errors.New("the issuer needs a client with a secret")
	case o.Client.ID == DocsClient || o.Client.ID+OpaqueSuffix == DocsClient:
		return "", fmt.Errorf("the client can't be called %q; that is the documentation page", o.Client.ID)
	case o.Authenticate == nil:
		return "", errors.New("the issuer needs to know the callers of the service")
	case o.Audience == "":
		return "", errors.New("tokens need an audience")
	case o.TokenTTL < time.Second || o.TokenTTL > MaxTokenTTL:
		return "", fmt.Errorf("the life of a token must be from a second to %v", MaxTokenTTL)
	}
	return issuer.Path, nil
}

// authenticate finds the caller of a token. That nobody knows it is a refusal as any other.
func (i *Issuer) authenticate(ctx context.Context, token string) (auth.Caller, error) {
	caller, err := i.options.Authenticate(ctx, token)
	if errors.Is(err, auth.ErrNotMine) {
		return caller, auth.Refuse(auth.KindBearer, auth.Unknown, "nobody has this token")
	}
	return caller, err
}

// ServeHTTP answers requests to the path of the issuer's URL and below.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.handler.ServeHTTP(w, r) }

// URL is the issuer, as the claim iss has it.
func (i *Issuer) URL() string { return i.options.Issuer }

// JWKS is the set of public keys that verify the issuer's tokens, so that the service of the same process need not ask.
func (i *Issuer) JWKS() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.key.public}}
}

// Authorization is what the documentation page needs to get a token. The URLs are relative to the service, so that they
// hold under every name by which it is reached; tokens name the one issuer all the same.
func (i *Issuer) Authorization() *docs.OAuth2 {
	descriptions := map[string]string{}
	for _, scope := range auth.AllScopes() {
		descriptions[scope] = describeScope(scope)
	}
	return &docs.OAuth2{
		AuthorizationURL: i.base + pathAuthorize, TokenURL: i.base + pathToken,
		ClientID: DocsClient, Scopes: descriptions,
	}
}

// describeScope says what a scope allows.
func describeScope(scope string) string {
	switch scope {
	case "orders.read":
		return "Read orders, shipments and their events"
	case "orders.write":
		return "Create, change and move along orders"
	case "products.read":
		return "Read products and prices"
	case "products.write":
		return "Create and change products"
	case scopeOpenID:
		return "Tell who you are"
	case scopeOffline:
		return "Go on without you, until the service restarts or a day has passed"
	}
	return ""
}
