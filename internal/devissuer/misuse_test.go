package devissuer_test

import (
	"crypto"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"ordermanagement/internal/devissuer"
)

// with is a form with some parameters changed; an empty value removes one.
func with(form url.Values, changes ...string) url.Values {
	form = maps.Clone(form)
	for i := 0; i < len(changes); i += 2 {
		if form.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

func (w *world) refused(a answer, status int, code string) {
	w.Helper()
	if a.StatusCode != status || a.fields(w)["error"] != code || a.Header.Get("Cache-Control") != "no-store" {
		w.Errorf("%d %s, want %d %s", a.StatusCode, a.body, status, code)
	}
	if challenged := a.Header.Get("WWW-Authenticate") != ""; challenged != (status == 401) {
		w.Errorf("%d with the challenge %q", status, a.Header.Get("WWW-Authenticate"))
	}
	if strings.Contains(a.body, own.Secret) || strings.Contains(a.body, "token-of-ann") {
		w.Errorf("the answer has a secret: %s", a.body)
	}
}

func TestClientMisuse(t *testing.T) {
	w := start(t)
	good := url.Values{"grant_type": {"client_credentials"}, "client_id": {own.ID}, "client_secret": {own.Secret}}
	bare := url.Values{"grant_type": {"client_credentials"}}
	for name, c := range map[string]struct {
		form   url.Values
		change func(*http.Request)
		status int
		code   string
	}{
		"wrong secret":            {with(good, "client_secret", "wrong"), nil, 401, "invalid_client"},
		"wrong secret, basic":     {bare, basic(own.ID, "wrong"), 401, "invalid_client"},
		"no secret":               {with(good, "client_secret", ""), nil, 401, "invalid_client"},
		"empty secret, basic":     {bare, basic(own.ID, ""), 401, "invalid_client"},
		"unknown client":          {with(good, "client_id", "nobody"), nil, 401, "invalid_client"},
		"unknown client, basic":   {bare, basic("nobody", own.Secret), 401, "invalid_client"},
		"no client":               {bare, nil, 400, "invalid_request"},
		"two methods":             {good, basic(own.ID, own.Secret), 400, "invalid_request"},
		"an assertion":            {with(good, "client_secret", "", "client_assertion", "x", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), nil, 401, "invalid_client"},
		"a public client":         {with(good, "client_id", "docs", "client_secret", ""), nil, 400, "unauthorized_client"},
		"a public with a secret":  {with(good, "client_id", "docs"), nil, 401, "invalid_client"},
		"unknown scope":           {with(good, "scope", "orders.read orders.destroy"), nil, 400, "invalid_scope"},
		"a scope of logins":       {with(good, "scope", "offline_access"), nil, 400, "invalid_scope"},
		"no grant type":           {with(good, "grant_type", ""), nil, 400, "invalid_request"},
		"a password grant":        {with(good, "grant_type", "password"), nil, 400, "unsupported_grant_type"},
		"an implicit grant":       {with(good, "grant_type", "implicit"), nil, 400, "unsupported_grant_type"},
		"a device grant":          {with(good, "grant_type", "urn:ietf:params:oauth:grant-type:device_code"), nil, 400, "unauthorized_client"},
		"a token exchange":        {with(good, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"), nil, 400, "unauthorized_client"},
		"a JWT grant":             {with(good, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", "x"), nil, 400, "unsupported_grant_type"},
		"a grant of another kind": {with(good, "grant_type", "refresh_token", "refresh_token", "x"), nil, 400, "unauthorized_client"},
		"a parameter twice":       {url.Values{"grant_type": {"client_credentials", "client_credentials"}, "client_id": {own.ID}, "client_secret": {own.Secret}}, nil, 400, "invalid_request"},
		"too large":               {with(good, "x", strings.Repeat("x", 40<<10)), nil, 413, "invalid_request"},
		"no form":                 {good, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, 400, "invalid_request"},
		"from another origin":     {good, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var change []func(*http.Request)
			if c.change != nil {
				change = append(change, c.change)
			}
			a := w.post("/token", c.form, change...)
			if c.code == "" {
				if a.StatusCode != c.status {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
				return
			}
			(&world{TB: t}).refused(a, c.status, c.code)
		})
	}
	if a := w.post("/token?"+good.Encode(), url.Values{}); a.StatusCode != 400 {
		t.Errorf("secrets in the URL: %d %s", a.StatusCode, a.body)
	}
	for path, methods := range map[string]string{
		"/token": "GET HEAD PUT OPTIONS", "/introspect": "GET", "/revoke": "GET", "/keys": "POST", "/.well-known/openid-configuration": "POST DELETE", "/login": "PUT",
	} {
		for _, method := range strings.Fields(methods) {
			if a := w.send(method, w.url+path, nil); a.StatusCode != 405 || a.Header.Get("Allow") == "" {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.StatusCode, a.Header.Get("Allow"))
			}
		}
	}
	for _, path := range []string{"/", "/healthz", "/ready", "/authorize/callback", "/end_session", "/device_authorization", "/token/", "/%74oken", "/nothing"} {
		if a := w.send("GET", w.url+path, nil); a.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

// Who may not know where to send the person shows the error itself; every other one goes to the client.
func TestAuthorizationMisuse(t *testing.T) {
	w := start(t)
	good := url.Values{
		"response_type": {"code"}, "client_id": {"docs"}, "redirect_uri": {redirect}, "scope": {"orders.read"}, "state": {"xyz"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())}, "code_challenge_method": {"S256"},
	}
	for name, c := range map[string]struct {
		form url.Values
		code string // of the client's error; "" if it is not sent back
	}{
		"no client":             {with(good, "client_id", ""), ""},
		"unknown client":        {with(good, "client_id", "nobody"), ""},
		"a client without":      {with(good, "client_id", own.ID), ""},
		"no redirect":           {with(good, "redirect_uri", ""), ""},
		"another redirect":      {with(good, "redirect_uri", "https://evil.example/"), ""},
		"a longer redirect":     {with(good, "redirect_uri", redirect+"x"), ""},
		"a redirect's query":    {with(good, "redirect_uri", redirect+"?x=1"), ""},
		"a redirect's case":     {with(good, "redirect_uri", strings.ToUpper(redirect)), ""},
		"a redirect's port":     {with(good, "redirect_uri", strings.Replace(redirect, ":1/", ":2/", 1)), ""},
		"a redirect's scheme":   {with(good, "redirect_uri", strings.Replace(redirect, "https", "http", 1)), ""},
		"plain PKCE":            {with(good, "code_challenge_method", "plain"), "invalid_request"},
		"PKCE without a method": {with(good, "code_challenge_method", ""), "invalid_request"},
		"unknown PKCE":          {with(good, "code_challenge_method", "S512"), "invalid_request"},
		"no PKCE":               {with(good, "code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		"a short challenge":     {with(good, "code_challenge", "abc"), "invalid_request"},
		"implicit":              {with(good, "response_type", "token"), "unauthorized_client"},
		"an ID token":           {with(good, "response_type", "id_token"), "unauthorized_client"},
		"no response type":      {with(good, "response_type", ""), "invalid_request"},
		"unknown scope":         {with(good, "scope", "orders.read admin"), "invalid_scope"},
		"a fragment":            {with(good, "response_mode", "fragment"), "invalid_request"},
		"without asking":        {with(good, "prompt", "none"), "login_required"},
		"a request object":      {with(good, "request", "x.y.z"), "request_not_supported"},
		"a long state":          {with(good, "nonce", strings.Repeat("n", 2000)), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.send("GET", w.url+"/authorize?"+c.form.Encode(), nil)
			if c.code == "" {
				if a.StatusCode != 400 || a.Header.Get("Location") != "" {
					t.Errorf("%d to %q", a.StatusCode, a.Header.Get("Location"))
				}
				return
			}
			target, err := url.Parse(a.Header.Get("Location"))
			if err != nil || a.StatusCode != 302 || !strings.HasPrefix(target.String(), redirect) {
				t.Fatalf("%d to %q", a.StatusCode, a.Header.Get("Location"))
			}
			values := target.Query()
			if target.Fragment != "" { // as the library does where the request wants that
				values, _ = url.ParseQuery(target.Fragment)
			}
			if values.Get("error") != c.code || values.Get("state") != "xyz" || values.Has("code") {
				t.Errorf("sent back with %v", values)
			}
		})
	}
	if a := w.send("GET", w.url+"/authorize?"+good.Encode()+"&scope=orders.write", nil); a.StatusCode != 400 {
		t.Errorf("a parameter twice: %d", a.StatusCode)
	}
	w.loginPage(w.url + "/authorize?" + good.Encode()) // the good one is
}

func TestCodeMisuse(t *testing.T) {
	for name, c := range map[string]struct {
		change  []string
		wait    time.Duration
		basic   bool
		refused string
	}{
		"missing verifier":  {[]string{"code_verifier", ""}, 0, false, "invalid_request"},
		"another verifier":  {[]string{"code_verifier", oauth2.GenerateVerifier()}, 0, false, "invalid_grant"},
		"another redirect":  {[]string{"redirect_uri", redirect + "?second"}, 0, false, "invalid_grant"},
		"no redirect":       {[]string{"redirect_uri", ""}, 0, false, "invalid_request"},
		"another code":      {[]string{"code", "nothing"}, 0, false, "invalid_grant"},
		"no code":           {[]string{"code", ""}, 0, false, "invalid_request"},
		"an expired code":   {nil, devissuer.CodeTTL, false, "invalid_grant"},
		"another client":    {[]string{"client_id", ""}, 0, true, "unauthorized_client"},
		"an unknown client": {[]string{"client_id", "nobody"}, 0, false, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			config := w.docs("orders.read", "offline_access")
			verifier := oauth2.GenerateVerifier()
			form := url.Values{
				"grant_type": {"authorization_code"}, "code": {w.code(config, "token-of-ann", verifier)}, "redirect_uri": {redirect},
				"client_id": {"docs"}, "code_verifier": {verifier},
			}
			w.wait(c.wait)
			var change []func(*http.Request)
			if c.basic {
				change = append(change, basic(own.ID, own.Secret))
			}
			status := 400
			if c.refused == "invalid_client" {
				status = 401
			}
			w.refused(w.post("/token", with(form, c.change...), change...), status, c.refused)
		})
	}
}

// Who uses a code twice ends what came of it: one of the two has stolen it.
func TestCodeReuse(t *testing.T) {
	w := start(t)
	config, verifier := w.docs("orders.read", "offline_access"), oauth2.GenerateVerifier()
	code := w.code(config, "token-of-ann", verifier)
	tokens, err := config.Exchange(w.ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Exchange(w.ctx, code, oauth2.VerifierOption(verifier)); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("the second use: %v", err)
	}
	if w.introspect(tokens.AccessToken)["active"] != false {
		t.Error("the access token is still active")
	}
	w.refused(w.refresh(tokens.RefreshToken, ""), 400, "invalid_grant")
}

// Of many who use one code at once, one gets tokens at most.
func TestCodeRace(t *testing.T) {
	w := start(t)
	config, verifier := w.docs("orders.read"), oauth2.GenerateVerifier()
	code := w.code(config, "token-of-ann", verifier)
	var group sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for range 8 {
		group.Go(func() {
			if _, err := config.Exchange(w.ctx, code, oauth2.VerifierOption(verifier)); err == nil {
				mu.Lock()
				defer mu.Unlock()
				got++
			}
		})
	}
	group.Wait()
	if got != 1 {
		t.Errorf("%d got tokens", got)
	}
}

func TestRefreshMisuse(t *testing.T) {
	w := start(t)
	tokens := w.logIn("token-of-ann", "orders.read", "offline_access")
	for _, scope := range []string{"orders.write", "orders.read orders.write", "openid"} { // more than was consented to
		w.refused(w.refresh(tokens.RefreshToken, scope), 400, "invalid_scope")
	}
	if a := w.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}, "client_id": {"docs"}, "scope": {""}}); a.StatusCode != 200 || a.fields(t)["scope"] != "orders.read offline_access" {
		t.Errorf("with an empty scope: %d %s", a.StatusCode, a.body)
	} else {
		tokens.RefreshToken = a.fields(t)["refresh_token"].(string)
	}
	// Who knows the session, which access tokens name, can't end it.
	session, _, _ := strings.Cut(tokens.RefreshToken, ".")
	for _, made := range []string{"", ".", ".0", ".0.", ".1.x", ".x.y", ".-1.", tokens.RefreshToken[len(session):] + "A"} {
		w.refused(w.refresh(session+made, ""), 400, "invalid_grant")
	}
	if a := w.refresh(tokens.RefreshToken, ""); a.StatusCode != 200 {
		t.Errorf("a session that somebody has made up tokens for: %d", a.StatusCode)
	} else {
		tokens.RefreshToken = a.fields(t)["refresh_token"].(string)
	}
	w.refused(w.refresh("nothing", ""), 400, "invalid_grant")
	w.refused(w.refresh("", ""), 400, "invalid_request")
	w.refused(w.refresh(tokens.AccessToken, ""), 400, "invalid_grant")
	w.refused(w.post("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}}, basic(own.ID, own.Secret)), 400, "unauthorized_client")

	next := w.refresh(tokens.RefreshToken, "").fields(t)
	w.refused(w.refresh(tokens.RefreshToken, ""), 400, "invalid_grant") // used up
	w.refused(w.refresh(next["refresh_token"].(string), ""), 400, "invalid_grant")
	if w.introspect(next["access_token"].(string))["active"] != false {
		t.Error("the access token survives its session")
	}

	old := w.logIn("token-of-ann", "orders.read", "offline_access")
	w.wait(devissuer.SessionTTL)
	w.refused(w.refresh(old.RefreshToken, ""), 400, "invalid_grant")
}

func TestIntrospectionMisuse(t *testing.T) {
	w := start(t)
	token := w.logIn("token-of-ann", "orders.read").AccessToken
	form := url.Values{"token": {token}}
	w.refused(w.post("/introspect", form), 401, "invalid_client")
	w.refused(w.post("/introspect", form, basic(own.ID, "wrong")), 401, "invalid_client")
	w.refused(w.post("/introspect", form, basic("nobody", own.Secret)), 401, "invalid_client")
	w.refused(w.post("/introspect", with(form, "client_id", "docs")), 401, "invalid_client")
	w.refused(w.post("/introspect", form, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }), 401, "invalid_client")
	w.refused(w.post("/introspect", url.Values{}, basic(own.ID, own.Secret)), 400, "invalid_request")
	w.refused(w.post("/revoke", form), 400, "invalid_request")
	w.refused(w.post("/revoke", form, basic(own.ID, "wrong")), 401, "invalid_client")

	other := start(t)
	if w.introspect(w.forge(w.key, jose.ES256, "at+jwt", w.url, audience))["active"] != true {
		t.Error("one that is as ours is not active")
	}
	for name, foreign := range map[string]string{
		"of another issuer":    other.logIn("token-of-ann", "orders.read").AccessToken,
		"of another key":       w.forge(rsaKey(t), jose.RS256, "at+jwt", w.url, audience),
		"of another type":      w.forge(w.key, jose.ES256, "JWT", w.url, audience),
		"for another audience": w.forge(w.key, jose.ES256, "at+jwt", w.url, "docs"),
		"in another's name":    w.forge(w.key, jose.ES256, "at+jwt", other.url, audience),
		"none":                 "nothing",
		"changed":              token[:len(token)-4] + "AAAA",
		"unsigned":             "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + strings.Split(token, ".")[1] + ".",
		"long":                 strings.Repeat("a", 20<<10),
	} {
		if got := w.introspect(foreign); len(got) != 1 || got["active"] != false {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// forge signs what our tokens say, or nearly, under the id of our key.
func (w *world) forge(key crypto.Signer, algorithm jose.SignatureAlgorithm, kind jose.ContentType, issuer, audience string) string {
	w.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: w.issuer.JWKS().Keys[0].KeyID}},
		(&jose.SignerOptions{}).WithType(kind))
	if err != nil {
		w.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: issuer, Audience: jwt.Audience{audience}, Subject: "x", ID: "x", Expiry: jwt.NewNumericDate(w.now().Add(time.Hour)), IssuedAt: jwt.NewNumericDate(w.now()),
	}).Serialize()
	if err != nil {
		w.Fatal(err)
	}
	return token
}

// What can't be used is said at once.
func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*devissuer.Options){
		"no issuer":        func(o *devissuer.Options) { o.Issuer = "" },
		"plaintext":        func(o *devissuer.Options) { o.Issuer = "http://localhost/issuer" },
		"no path":          func(o *devissuer.Options) { o.Issuer = "https://localhost/" },
		"a query":          func(o *devissuer.Options) { o.Issuer = "https://localhost/issuer?x" },
		"no key":           func(o *devissuer.Options) { o.Key = nil },
		"no client":        func(o *devissuer.Options) { o.Client = devissuer.Client{} },
		"the page's id":    func(o *devissuer.Options) { o.Client.ID = "docs" },
		"no callers":       func(o *devissuer.Options) { o.Authenticate = nil },
		"no audience":      func(o *devissuer.Options) { o.Audience = "" },
		"no life":          func(o *devissuer.Options) { o.TokenTTL = time.Millisecond },
		"a long life":      func(o *devissuer.Options) { o.TokenTTL = 25 * time.Hour },
		"a plain redirect": func(o *devissuer.Options) { o.Redirects = []string{"http://localhost/x"} },
		"a user in it":     func(o *devissuer.Options) { o.Redirects = []string{"https://a@localhost/x"} },
		"a relative one":   func(o *devissuer.Options) { o.Redirects = []string{"/x"} },
		"one with a #":     func(o *devissuer.Options) { o.Redirects = []string{"https://localhost/x#y"} },
	} {
		w := &world{TB: t}
		key, client, err := devissuer.EnsureFiles(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		options := devissuer.Options{Issuer: "https://localhost:1/issuer", Key: key, Client: client, Authenticate: w.authenticate, Audience: audience}
		if _, err := devissuer.New(options); err != nil {
			t.Fatal(err)
		}
		change(&options)
		if _, err := devissuer.New(options); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := slices.Sorted(maps.Keys(start(t).issuer.Authorization().Scopes)); len(got) == 0 || slices.Contains(slices.Collect(maps.Values(start(t).issuer.Authorization().Scopes)), "") {
		t.Errorf("a scope without a description among %q", got)
	}
}
