package browser

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/prometheus/client_golang/prometheus"

	"ordermanagement/certs"
	"ordermanagement/e2e/process"
	"ordermanagement/gateway"
	"ordermanagement/internal/auth"
	"ordermanagement/internal/devissuer"
	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/openapi/docs"
	"ordermanagement/server"
)

// issued lets in who has a token of an issuer.
type issued struct{ *devissuer.Issuer }

func (i issued) VerifyToken(_ context.Context, token string) (auth.Caller, error) {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return auth.Caller{}, auth.ErrNotMine
	}
	var claims struct {
		jwt.Claims
		Scope  string `json:"scope"`
		Tenant string `json:"tenant"`
	}
	keys := i.JWKS()
	if err := parsed.Claims(&keys, &claims); err != nil {
		return auth.Caller{}, auth.Refuse(auth.KindJWT, auth.BadSignature, "not the issuer's")
	}
	if err := claims.ValidateWithLeeway(jwt.Expected{Issuer: i.URL(), AnyAudience: jwt.Audience{"ordermanagement"}, Time: time.Now()}, 0); err != nil {
		return auth.Caller{}, auth.Refuse(auth.KindJWT, auth.Expired, err.Error())
	}
	return auth.Caller{Subject: "jwt:" + claims.Subject, Tenant: claims.Tenant, Scopes: strings.Fields(claims.Scope), Kind: auth.KindJWT}, nil
}

// startWithIssuer starts a service with a development issuer, put together from its parts.
func startWithIssuer(t *testing.T) *process.Service {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, log := t.TempDir(), slog.New(slog.DiscardHandler)
	files, err := certs.EnsureDevelopment(dir, certs.DevelopmentOptions{Hosts: []string{"127.0.0.1"}})
	must(err)
	secure, err := certs.ServerConfig(certs.ServerOptions{CertFile: files.ServerCertFile, KeyFile: files.ServerKeyFile})
	must(err)

	token := auth.NewToken()
	line, err := auth.TokenLine("operator", token)
	must(err)
	for name, text := range map[string]string{
		"token": token, "tokens": line,
		"callers.yaml": "callers:\n  - token: operator\n    tenant: default\n    scopes: [orders.read, orders.write]\n",
	} {
		must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	tokens, err := auth.LoadTokens(filepath.Join(dir, "tokens"), filepath.Join(dir, "callers.yaml"))
	must(err)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	base := "https://" + listener.Addr().String()
	key, client, err := devissuer.EnsureFiles(dir)
	must(err)
	issuer, err := devissuer.New(devissuer.Options{
		Issuer: base + gateway.PathIssuer, Key: key, Client: client, Authenticate: tokens.VerifyToken,
		Audience: "ordermanagement", Redirects: []string{base + docs.PathOAuth2Redirect}, Logger: log,
	})
	must(err)

	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "orders.db")})
	must(err)
	pageKey := make([]byte, 32)
	rand.Read(pageKey)
	orders, err := server.New(server.Options{
		Orders: order.NewService(store), Logger: log, Registry: prometheus.NewRegistry(), PageTokenKey: pageKey,
		Authenticator: &auth.Methods{Tokens: []auth.TokenVerifier{issued{issuer}, tokens}},
		V1:            server.V1{Enabled: true, Currency: "USD"},
	})
	must(err)
	handler, err := gateway.New(gateway.Options{
		Conn: orders.Conn(), Admit: orders.Admit, Logger: log, Authorization: issuer.Authorization(), Issuer: issuer,
	})
	must(err)
	front := gateway.NewServer(handler, secure, log)
	served := make(chan error, 1)
	go func() { served <- front.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := front.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
		if err := orders.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &process.Service{HTTP: listener.Addr().String(), DataDir: dir}
}

// popup is the window that a click opens.
func (b *tab) popup(click string) *tab {
	b.Helper()
	opened := chromedp.WaitNewTarget(b.ctx, func(info *target.Info) bool { return info.URL != "" && info.URL != "about:blank" })
	b.click(click)
	select {
	case id := <-opened:
		p := &tab{TB: b.TB, hosts: b.hosts}
		ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id), chromedp.WithListener(p.listen))
		b.Cleanup(cancel)
		p.ctx = ctx
		return p
	case <-b.ctx.Done():
		b.Fatal("no window opens")
		return nil
	}
}

// The reference gets a token of the development issuer: a person logs in there, in a window of its own, with a token of
// the service, and the calls that are tried then succeed, as far as the scopes go that were asked for.
func TestAuthorizeAtTheIssuer(t *testing.T) {
	service := startWithIssuer(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, service.URL("/v2/orders?orderId=seen"), strings.NewReader(`{"currencyCode": "USD", "destination": "Lisbon"}`))
	if err != nil {
		t.Fatal(err)
	}
	if made, err := service.Client(t).Do(request); err != nil || made.Body.Close() != nil || made.StatusCode != 200 {
		t.Fatalf("CreateOrder: %v, %v", made, err)
	}

	b := open(t, service)
	b.do(chromedp.Navigate(service.URL("/docs")))
	showsVersion(b, "v2")
	b.click(`.auth-wrapper .authorize`)
	const dialog = `.auth-container:has([id^="client_id_authorizationCode"])`
	if client := await[string](b, fmt.Sprintf(`document.querySelector('%s [id^="client_id_authorizationCode"]')?.value`, dialog)); client != devissuer.DocsClient {
		t.Errorf("the client is %q", client)
	}
	b.click(dialog + ` label[for^="orders.read-authorizationCode"]`)
	b.do(chromedp.ScrollIntoView(chromedp.CSS(dialog + ` .auth-btn-wrapper .authorize`)))
	b.screenshot("authorize")

	login := b.popup(dialog + ` .auth-btn-wrapper .authorize`)
	if asked := await[string](login, `document.querySelector("main ul")?.innerText`); !strings.Contains(asked, "orders.read") || strings.Contains(asked, "orders.write") {
		t.Errorf("the page asks for %q", asked)
	}
	login.intendsStatus(403)
	login.fill(`#token`, "wrong")
	if answer, err := chromedp.RunResponse(login.ctx, chromedp.Click(chromedp.CSS(`button[value="allow"]`))); err != nil || answer.Status != 403 {
		t.Fatalf("a wrong token: %v, %v", answer, err)
	}
	login.do(chromedp.WaitVisible(chromedp.CSS(`[role="alert"]`)))
	login.screenshot("login-refused")
	login.fill(`#token`, service.Token(t))
	login.screenshot("login")
	login.click(`button[value="allow"]`)

	await[bool](b, `Array.from(document.querySelectorAll(".auth-container .auth-btn-wrapper button")).some(e => e.innerText === "Logout")`)
	b.screenshot("authorized")
	b.click(`.dialog-ux .close-modal`)

	getOrder.try(b)
	b.fill(getOrder.path(), "seen")
	if status, read := getOrder.execute(b); status != "200" || read["destination"] != "Lisbon" {
		t.Errorf("GetOrder: %s %v", status, read)
	}
	b.screenshot("read-with-oauth2")
	createOrder.try(b)
	b.fill(createOrder.body(), `{"currencyCode": "EUR"}`)
	b.intendsStatus(403)
	if status, body := createOrder.execute(b); status != "403" || !strings.Contains(fmt.Sprint(body), "SCOPE_MISSING") {
		t.Errorf("without the scope: %s %v", status, body)
	}

	// What one has authorized with lasts when the other version is shown, and is kept nowhere.
	b.do(chromedp.SendKeys(chromedp.CSS(`.topbar select`), "v1"))
	showsVersion(b, "v1")
	const getV1 operation = `.opblock-get:has([data-path^="/v1/orders/{"])`
	getV1.try(b)
	b.fill(getV1.path(), "seen")
	if status, read := getV1.execute(b); status != "200" {
		t.Errorf("GetOrder of v1: %s %v", status, read)
	}
	if kept := eval[int](b, `localStorage.length + sessionStorage.length + document.cookie.length`); kept != 0 {
		t.Errorf("%d things are kept in the browser", kept)
	}
	login.judge()
}
