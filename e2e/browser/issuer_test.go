package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"ordermanagement/e2e/process"
	"ordermanagement/internal/devissuer"
)

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
	service := program.Start(t, process.Config{Args: []string{"--sample-data", "--dev-issuer"}})
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
