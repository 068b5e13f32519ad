package devissuer_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/devissuer"
)

type claims struct {
	jwt.Claims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	Tenant   string `json:"tenant"`
}

// read verifies a JWT with the keys that the issuer gives to its own process.
func (w *world) read(token string) claims {
	w.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		w.Fatalf("%q: %v", token, err)
	}
	var c claims
	keys := w.issuer.JWKS()
	if err := parsed.Claims(&keys, &c); err != nil {
		w.Fatal(err)
	}
	if err := c.Validate(jwt.Expected{Issuer: w.url, AnyAudience: jwt.Audience{audience}, Time: w.now()}); err != nil {
		w.Fatal(err)
	}
	if kind := parsed.Headers[0].ExtraHeaders["typ"]; kind != "at+jwt" {
		w.Errorf("the token is a %v", kind)
	}
	return c
}

func TestClientCredentials(t *testing.T) {
	w := start(t)
	for name, style := range map[string]oauth2.AuthStyle{"basic": oauth2.AuthStyleInHeader, "post": oauth2.AuthStyleInParams} {
		for asked, want := range map[string]string{
			"":                          strings.Join(auth.AllScopes(), " "),
			"orders.read":               "orders.read",
			"products.read orders.read": "products.read orders.read",
		} {
			t.Run(name+"/"+asked, func(t *testing.T) {
				config := clientcredentials.Config{ClientID: own.ID, ClientSecret: own.Secret, TokenURL: w.url + "/token", AuthStyle: style, Scopes: strings.Fields(asked)}
				token, err := config.Token(w.ctx)
				if err != nil {
					t.Fatal(err)
				}
				c := w.read(token.AccessToken)
				if c.Subject != own.ID || c.ClientID != own.ID || c.Tenant != auth.DefaultTenant || c.Scope != want || c.ID == "" || c.IssuedAt == nil {
					t.Errorf("the token says %+v", c)
				}
				if token.Extra("scope") != want || token.RefreshToken != "" || token.Type() != "Bearer" {
					t.Errorf("the answer is %+v, for %v", token, token.Extra("scope"))
				}
				if left := time.Until(token.Expiry); left <= 0 || left > devissuer.DefaultTokenTTL {
					t.Errorf("it lives for %v", left)
				}
			})
		}
	}
}

// A client finds everything by the URL of the issuer alone.
func TestDiscovery(t *testing.T) {
	w := start(t)
	provider, err := oidc.NewProvider(oidc.ClientContext(w.ctx, w.http), w.url)
	if err != nil {
		t.Fatal(err)
	}
	config := clientcredentials.Config{ClientID: own.ID, ClientSecret: own.Secret, TokenURL: provider.Endpoint().TokenURL}
	token, err := config.Token(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.VerifierContext(oidc.ClientContext(w.ctx, w.http), &oidc.Config{ClientID: audience})
	if _, err := verifier.Verify(w.ctx, token.AccessToken); err != nil {
		t.Errorf("with the keys of the document: %v", err)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: devissuer.DocsClient}).Verify(w.ctx, token.AccessToken); err == nil {
		t.Error("an access token passes for an ID token")
	}
	var document map[string]any
	if err := provider.Claims(&document); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_types_supported": `["code"]`, "code_challenge_methods_supported": `["S256"]`,
		"grant_types_supported":                 `["client_credentials","authorization_code","refresh_token"]`,
		"token_endpoint_auth_methods_supported": `["none","client_secret_basic","client_secret_post"]`,
	} {
		if got, _ := json.Marshal(document[name]); string(got) != want {
			t.Errorf("%s is %s", name, got)
		}
	}
	for name, path := range map[string]string{
		"authorization_endpoint": "/authorize", "introspection_endpoint": "/introspect", "revocation_endpoint": "/revoke", "userinfo_endpoint": "/userinfo",
	} {
		if document[name] != w.url+path {
			t.Errorf("%s is %v", name, document[name])
		}
	}
}

func TestRSAKey(t *testing.T) {
	w := start(t, func(o *devissuer.Options) { o.Key = rsaKey(t) })
	config := clientcredentials.Config{ClientID: own.ID, ClientSecret: own.Secret, TokenURL: w.url + "/token"}
	token, err := config.Token(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if w.read(token.AccessToken); w.issuer.JWKS().Keys[0].Algorithm != "RS256" {
		t.Errorf("the key is %+v", w.issuer.JWKS())
	}
	if w.introspect(token.AccessToken)["active"] != true {
		t.Error("not active")
	}
}

// The tokens of a login are for who has logged in, and for at most what it may do.
func TestAuthorizationCode(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		token  string
		caller auth.Caller
		asked  []string
		want   string
	}{
		{"token-of-ann", ann, []string{"orders.read", "orders.write"}, "orders.read orders.write"},
		{"token-of-ann", ann, nil, strings.Join(auth.AllScopes(), " ")},
		{"token-of-bob", bob, []string{"orders.write", "orders.read"}, "orders.read"},
		{"token-of-bob", bob, nil, "orders.read"},
		{" token-of-bob\n", bob, nil, "orders.read"}, // pasted with what stood around it
	} {
		tokens := w.logIn(c.token, c.asked...)
		got := w.read(tokens.AccessToken)
		if got.Subject != c.caller.Subject || got.Tenant != c.caller.Tenant || got.ClientID != devissuer.DocsClient || got.Scope != c.want {
			t.Errorf("%s asks for %q, and gets %+v", c.token, c.asked, got)
		}
		if tokens.Extra("scope") != c.want || tokens.RefreshToken != "" || tokens.Extra("id_token") != nil {
			t.Errorf("%s asks for %q, and gets %+v, %v", c.token, c.asked, tokens, tokens.Extra("scope"))
		}
	}
}

func TestIDToken(t *testing.T) {
	w := start(t)
	provider, err := oidc.NewProvider(oidc.ClientContext(w.ctx, w.http), w.url)
	if err != nil {
		t.Fatal(err)
	}
	config, verifier := w.docs("openid", "orders.read"), oauth2.GenerateVerifier()
	code := w.code(config, "token-of-ann", verifier, oidc.Nonce("a nonce"))
	tokens, err := config.Exchange(w.ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	id, err := provider.VerifierContext(oidc.ClientContext(w.ctx, w.http), &oidc.Config{ClientID: devissuer.DocsClient}).Verify(w.ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
		t.Error(err)
	}
	if id.Subject != ann.Subject || id.Nonce != "a nonce" || slices.Contains(id.Audience, audience) {
		t.Errorf("it says %+v", id)
	}
	if w.introspect(raw)["active"] != false {
		t.Error("the ID token passes for an access token")
	}
	info, err := provider.UserInfo(oidc.ClientContext(w.ctx, w.http), oauth2.StaticTokenSource(tokens))
	if err != nil || info.Subject != ann.Subject {
		t.Errorf("userinfo: %+v, %v", info, err)
	}
	if _, err := provider.UserInfo(oidc.ClientContext(w.ctx, w.http), oauth2.StaticTokenSource(w.logIn("token-of-ann", "orders.read"))); err == nil {
		t.Error("userinfo without the scope openid")
	}
}

// Each refresh answers another refresh token, and asks whether who has logged in is still let in.
func TestRefresh(t *testing.T) {
	w := start(t)
	tokens := w.logIn("token-of-ann", "orders.read", "orders.write", "offline_access")
	seen := []string{tokens.RefreshToken, tokens.AccessToken}
	for range 3 {
		w.wait(devissuer.DefaultTokenTTL)
		tokens.Expiry = time.Now().Add(-time.Minute)
		next, err := w.docs().TokenSource(w.ctx, tokens).Token()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(seen, next.RefreshToken) || slices.Contains(seen, next.AccessToken) || next.RefreshToken == "" {
			t.Fatal("a token comes again")
		}
		if got := w.read(next.AccessToken); got.Subject != ann.Subject || got.Tenant != ann.Tenant || got.Scope != "orders.read orders.write offline_access" {
			t.Errorf("the token says %+v", got)
		}
		seen, tokens = append(seen, next.RefreshToken, next.AccessToken), next
	}

	narrower := w.refresh(tokens.RefreshToken, "orders.read")
	if narrower.StatusCode != 200 || narrower.fields(t)["scope"] != "orders.read" {
		t.Fatalf("fewer scopes: %d %s", narrower.StatusCode, narrower.body)
	}
	token := narrower.fields(t)["refresh_token"].(string)

	w.set(func() { w.down = true })
	if a := w.refresh(token, ""); a.StatusCode != 503 {
		t.Errorf("while the service can't tell: %d %s", a.StatusCode, a.body)
	}
	w.set(func() {
		w.down = false
		w.callers["token-of-ann"] = auth.Caller{Subject: ann.Subject, Tenant: ann.Tenant, Scopes: []string{"orders.read"}}
	})
	a := w.refresh(token, "")
	if a.StatusCode != 200 || a.fields(t)["scope"] != "orders.read offline_access" {
		t.Errorf("after the caller may do less: %d %s", a.StatusCode, a.body)
	}
	token = a.fields(t)["refresh_token"].(string)
	w.set(func() { delete(w.callers, "token-of-ann") })
	if a := w.refresh(token, ""); a.StatusCode != 400 || a.fields(t)["error"] != "invalid_grant" {
		t.Errorf("after the caller is let in no more: %d %s", a.StatusCode, a.body)
	}
	w.set(func() { w.callers["token-of-ann"] = ann })
	if a := w.refresh(token, ""); a.fields(t)["error"] != "invalid_grant" {
		t.Errorf("the session goes on: %d %s", a.StatusCode, a.body)
	}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) refresh(token, scope string) answer {
	w.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {devissuer.DocsClient}}
	if scope != "" {
		form.Set("scope", scope)
	}
	return w.post("/token", form)
}

// What a token says can be asked, until it expires or is revoked.
func TestIntrospectionAndRevocation(t *testing.T) {
	w := start(t)
	for _, id := range []string{own.ID, own.ID + devissuer.OpaqueSuffix} {
		t.Run(id, func(t *testing.T) {
			config := clientcredentials.Config{ClientID: id, ClientSecret: own.Secret, TokenURL: w.url + "/token", Scopes: []string{"orders.read"}}
			token, err := config.Token(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if isJWT := strings.Count(token.AccessToken, ".") == 2; isJWT != (id == own.ID) {
				t.Errorf("the token is %q", token.AccessToken)
			}
			got := w.introspect(token.AccessToken)
			for name, want := range map[string]any{
				"active": true, "scope": "orders.read", "client_id": id, "sub": own.ID, "iss": w.url, "tenant": "default", "token_type": "Bearer",
			} {
				if got[name] != want {
					t.Errorf("%s is %v", name, got[name])
				}
			}
			if expiry, ok := got["exp"].(float64); !ok || time.Unix(int64(expiry), 0).Before(time.Now()) {
				t.Errorf("exp is %v", got["exp"])
			}

			other, err := config.Token(w.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if a := w.post("/revoke", url.Values{"token": {token.AccessToken}, "client_id": {devissuer.DocsClient}}); a.StatusCode != 400 {
				t.Errorf("another client revokes it: %d %s", a.StatusCode, a.body)
			}
			for range 2 { // the second time there is no such token, which is no error
				if a := w.post("/revoke", url.Values{"token": {token.AccessToken}}, basic(id, own.Secret)); a.StatusCode != 200 {
					t.Errorf("revocation: %d %s", a.StatusCode, a.body)
				}
			}
			if len(w.introspect(token.AccessToken)) != 1 || w.introspect(token.AccessToken)["active"] != false {
				t.Errorf("revoked, it is %v", w.introspect(token.AccessToken))
			}
			if w.introspect(other.AccessToken)["active"] != true {
				t.Error("another token is revoked with it")
			}
			w.wait(devissuer.DefaultTokenTTL + time.Second)
			if w.introspect(other.AccessToken)["active"] != false {
				t.Error("an expired token is active")
			}
		})
	}

	tokens := w.logIn("token-of-ann", "orders.read", "offline_access")
	if w.introspect(tokens.AccessToken)["active"] != true || w.introspect(tokens.RefreshToken)["active"] != false {
		t.Error("only the access token is active")
	}
	if a := w.post("/revoke", url.Values{"token": {tokens.RefreshToken}, "client_id": {devissuer.DocsClient}}); a.StatusCode != 200 {
		t.Errorf("revocation: %d %s", a.StatusCode, a.body)
	}
	if a := w.refresh(tokens.RefreshToken, ""); a.StatusCode != 400 {
		t.Errorf("a revoked refresh token: %d", a.StatusCode)
	}
	if w.introspect(tokens.AccessToken)["active"] != false {
		t.Error("the access token survives its session")
	}
}
