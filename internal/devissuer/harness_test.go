package devissuer_test

import (
	"context"
	"crypto"
	"encoding/json"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/devissuer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	audience = "ordermanagement"
	redirect = "https://localhost:1/docs/oauth2-redirect.html" // where nobody is: the tests don't follow it
)

var own = devissuer.Client{ID: "dev-client", Secret: "the-secret-of-the-client"}

// world is an issuer on a TLS listener, the service whose tokens people log in with, and a clock.
type world struct {
	testing.TB
	issuer *devissuer.Issuer
	key    crypto.Signer
	url    string       // of the issuer
	http   *http.Client // trusts it, and follows no redirect
	ctx    context.Context

	ahead atomic.Int64 // how far the clock has gone on

	mu      sync.Mutex
	callers map[string]auth.Caller // by their tokens
	down    bool                   // the service can't tell
	asked   int
}

func (w *world) now() time.Time          { return time.Now().Add(time.Duration(w.ahead.Load())) }
func (w *world) wait(for_ time.Duration) { w.ahead.Add(int64(for_)) }

func (w *world) authenticate(_ context.Context, token string) (auth.Caller, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if w.down {
		return auth.Caller{}, auth.Refuse(auth.KindIntrospect, auth.Unavailable, "down")
	}
	caller, ok := w.callers[token]
	if !ok {
		return caller, auth.ErrNotMine
	}
	return caller, nil
}

var (
	ann = auth.Caller{Subject: "token:ann", Tenant: "acme", Scopes: auth.AllScopes(), Kind: auth.KindToken}
	bob = auth.Caller{Subject: "token:bob", Tenant: "default", Scopes: []string{"orders.read"}, Kind: auth.KindToken}
)

func start(t testing.TB, change ...func(*devissuer.Options)) *world {
	t.Helper()
	w := &world{TB: t, ctx: t.Context(), callers: map[string]auth.Caller{"token-of-ann": ann, "token-of-bob": bob}}
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that dial and don't stay
	server.StartTLS()
	t.Cleanup(server.Close)
	w.url = server.URL + "/issuer"
	key, _, err := devissuer.EnsureFiles(t.TempDir())
	w.key = key
	if err != nil {
		t.Fatal(err)
	}
	options := devissuer.Options{
		Issuer: w.url, Key: key, Client: own, Authenticate: w.authenticate, Audience: audience,
		Redirects: []string{redirect, redirect + "?second"}, Now: w.now,
	}
	for _, c := range change {
		c(&options)
	}
	if w.issuer, err = devissuer.New(options); err != nil {
		t.Fatal(err)
	}
	mux.Handle("/issuer/", w.issuer)
	w.http = server.Client()
	w.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.ctx = context.WithValue(t.Context(), oauth2.HTTPClient, w.http)
	return w
}

// docs is the configuration of the documentation page.
func (w *world) docs(scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: devissuer.DocsClient, RedirectURL: redirect, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: w.url + "/authorize", TokenURL: w.url + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

type answer struct {
	*http.Response
	body string
}

// fields are the members of a JSON object.
func (a answer) fields(t testing.TB) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(a.body), &fields); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return fields
}

func (w *world) send(method, target string, form url.Values, change ...func(*http.Request)) answer {
	w.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(w.Context(), method, target, body)
	if err != nil {
		w.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range change {
		c(r)
	}
	response, err := w.http.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{response, string(text)}
}

func basic(id, secret string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(id, secret) }
}

// post sends a form to a path of the issuer.
func (w *world) post(path string, form url.Values, change ...func(*http.Request)) answer {
	w.Helper()
	return w.send("POST", w.url+path, form, change...)
}

// introspect says what the issuer knows about a token.
func (w *world) introspect(token string) map[string]any {
	w.Helper()
	a := w.post("/introspect", url.Values{"token": {token}}, basic(own.ID, own.Secret))
	if a.StatusCode != 200 {
		w.Fatalf("introspection: %d %s", a.StatusCode, a.body)
	}
	return a.fields(w)
}

var hidden = regexp.MustCompile(`name="request" value="([^"]+)"`)

// loginPage opens the login page, and answers the request that is hidden in it.
func (w *world) loginPage(authURL string) string {
	w.Helper()
	a := w.send("GET", authURL, nil)
	if a.StatusCode != 302 || !strings.HasPrefix(a.Header.Get("Location"), "/issuer/login?") {
		w.Fatalf("%d to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	page := w.send("GET", strings.TrimSuffix(w.url, "/issuer")+a.Header.Get("Location"), nil)
	match := hidden.FindStringSubmatch(page.body)
	if page.StatusCode != 200 || match == nil {
		w.Fatalf("the login page is %d %s", page.StatusCode, page.body)
	}
	return html.UnescapeString(match[1])
}

// fillIn sends the login page.
func (w *world) fillIn(request, token string, change ...func(*http.Request)) answer {
	w.Helper()
	return w.post("/login", url.Values{"request": {request}, "token": {token}, "answer": {"allow"}}, change...)
}

// back is what the client is sent back with.
func (w *world) back(a answer) url.Values {
	w.Helper()
	target, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.StatusCode/100 != 3 || !strings.HasPrefix(target.String(), redirect) {
		w.Fatalf("%d to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	return target.Query()
}

// code logs somebody in for the documentation page.
func (w *world) code(config *oauth2.Config, token, verifier string, options ...oauth2.AuthCodeOption) string {
	w.Helper()
	authURL := config.AuthCodeURL("state", append(options, oauth2.S256ChallengeOption(verifier))...)
	values := w.back(w.fillIn(w.loginPage(authURL), token))
	if values.Get("state") != "state" || values.Get("code") == "" {
		w.Fatalf("sent back with %v", values)
	}
	return values.Get("code")
}

// logIn gets the tokens of somebody.
func (w *world) logIn(token string, scopes ...string) *oauth2.Token {
	w.Helper()
	config, verifier := w.docs(scopes...), oauth2.GenerateVerifier()
	tokens, err := config.Exchange(w.ctx, w.code(config, token, verifier), oauth2.VerifierOption(verifier))
	if err != nil {
		w.Fatal(err)
	}
	return tokens
}
