package devissuer_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"ordermanagement/internal/devissuer"
)

func (w *world) authURL(scopes ...string) string {
	return w.docs(scopes...).AuthCodeURL("state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
}

// The page says who wants what, has no script, loads nothing, and can't be framed.
func TestLoginPage(t *testing.T) {
	w := start(t)
	a := w.send("GET", strings.TrimSuffix(w.url, "/issuer")+w.send("GET", w.authURL("orders.read", "offline_access"), nil).Header.Get("Location"), nil)
	for _, want := range []string{"docs", "https://localhost:1", "orders.read", "offline_access", `type="password"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, wrong := range []string{"<script", "src=", "href=", "url(", "@import", "ZgotmplZ"} {
		if strings.Contains(a.body, wrong) {
			t.Errorf("the page has %s", wrong)
		}
	}
	policy := a.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'sha256-", "form-action 'self' https://localhost:1"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
		t.Errorf("the policy is %s", policy)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8",
		"Access-Control-Allow-Origin": "",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

// A wrong token leads back to the same page, which says so and doesn't repeat it.
func TestWrongLogin(t *testing.T) {
	w := start(t)
	request := w.loginPage(w.authURL("orders.write"))
	for _, c := range []struct {
		token  string
		status int
		says   string
	}{
		{"<b>wrong</b>", 403, "does not know this token"},
		{"", 403, "does not know this token"},
		{"token-of-bob", 403, "allows nothing"},
	} {
		a := w.fillIn(request, c.token)
		if a.StatusCode != c.status || !strings.Contains(a.body, c.says) || !hidden.MatchString(a.body) || a.Header.Get("Location") != "" || a.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%q: %d %s", c.token, a.StatusCode, a.body)
		}
		if c.token != "" && strings.Contains(a.body, c.token) {
			t.Errorf("the page repeats %q", c.token)
		}
	}
	w.set(func() { w.down = true })
	if a := w.fillIn(request, "token-of-ann"); a.StatusCode != 503 || !strings.Contains(a.body, "Try again") {
		t.Errorf("while the service can't tell: %d", a.StatusCode)
	}
	w.set(func() { w.down = false })
	if w.back(w.fillIn(request, "token-of-ann")).Get("code") == "" {
		t.Error("the right one gets no code")
	}
}

func TestRefusedLogin(t *testing.T) {
	w := start(t)
	a := w.post("/login", url.Values{"request": {w.loginPage(w.authURL("orders.read"))}, "token": {"token-of-ann"}, "answer": {"deny"}})
	if values := w.back(a); values.Get("error") != "access_denied" || values.Get("state") != "state" || values.Has("code") {
		t.Errorf("sent back with %v", values)
	}
	if w.asked != 0 {
		t.Error("the token was looked at")
	}
}

// Only requests that the issuer has sealed are continued, for a while, and only from its own page.
func TestForeignLogin(t *testing.T) {
	w := start(t)
	request, other := w.loginPage(w.authURL("orders.read")), start(t)
	for name, forged := range map[string]string{
		"none": "", "garbage": "garbage", "cut": request[:len(request)-1], "changed": "A" + request[1:], "of another issuer": other.loginPage(other.authURL("orders.read")),
	} {
		if a := w.fillIn(forged, "token-of-ann"); a.StatusCode != 400 || hidden.MatchString(a.body) || a.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		if a := w.fillIn(request, "token-of-ann", func(r *http.Request) { r.Header.Set(header, value) }); a.StatusCode != 403 || a.Header.Get("Location") != "" {
			t.Errorf("%s %s: %d", header, value, a.StatusCode)
		}
	}
	if a := w.send("GET", w.url+"/login?"+url.Values{"request": {request}, "token": {"token-of-ann"}, "answer": {"allow"}}.Encode(), nil); a.StatusCode != 200 || a.Header.Get("Location") != "" {
		t.Errorf("GET logs in: %d", a.StatusCode)
	}
	w.wait(devissuer.LoginTime)
	if a := w.fillIn(request, "token-of-ann"); a.StatusCode != 400 || !strings.Contains(a.body, "expired") {
		t.Errorf("an expired page: %d", a.StatusCode)
	}
	if w.asked != 0 {
		t.Error("a token was looked at")
	}
}

// Failed attempts are slowed down, and with them the right one; good ones are not.
func TestLoginIsThrottled(t *testing.T) {
	w := start(t)
	request := w.loginPage(w.authURL("orders.read"))
	for range 20 {
		w.back(w.fillIn(request, "token-of-ann"))
	}
	throttled := 0
	for n := range 20 {
		a := w.fillIn(request, fmt.Sprint("wrong ", n))
		if a.StatusCode == 429 && a.Header.Get("Retry-After") != "" && hidden.MatchString(a.body) {
			throttled++
		}
	}
	w.set(func() {
		if throttled < 10 || w.asked > 30 {
			t.Errorf("%d of 20 were refused at once, %d tokens were looked at", throttled, w.asked)
		}
	})
	if a := w.fillIn(request, "token-of-ann"); a.StatusCode != 429 {
		t.Errorf("the right one meanwhile: %d", a.StatusCode)
	}
	w.wait(time.Minute)
	w.back(w.fillIn(request, "token-of-ann"))
}

// Whatever is asked for, and however often, what is kept has bounds.
func TestFlood(t *testing.T) {
	w := start(t)
	for range 200 {
		w.loginPage(w.authURL("orders.read"))
	}
	if codes, sessions, opaque, revoked, _ := w.issuer.Kept(); codes+sessions+opaque+revoked != 0 {
		t.Errorf("asking alone makes the issuer keep %d, %d, %d, %d", codes, sessions, opaque, revoked)
	}

	first := w.logIn("token-of-ann", "orders.read", "offline_access")
	for range devissuer.MaxSessions + 50 {
		w.logInQuickly()
	}
	if codes, sessions, _, _, _ := w.issuer.Kept(); codes != devissuer.MaxCodes || sessions != devissuer.MaxSessions {
		t.Errorf("%d codes and %d sessions are kept", codes, sessions)
	}
	w.refused(w.refresh(first.RefreshToken, ""), 400, "invalid_grant") // the oldest has gone
	if a := w.refresh(w.logIn("token-of-ann", "orders.read", "offline_access").RefreshToken, ""); a.StatusCode != 200 {
		t.Errorf("the newest is gone: %d", a.StatusCode)
	}

	opaque := clientcredentials.Config{ClientID: own.ID + devissuer.OpaqueSuffix, ClientSecret: own.Secret, TokenURL: w.url + "/token"}
	for range devissuer.MaxOpaque/10 + 50 {
		token, err := opaque.Token(w.ctx)
		if err != nil {
			t.Fatal(err)
		}
		if a := w.post("/revoke", url.Values{"token": {token.AccessToken}}, basic(opaque.ClientID, own.Secret)); a.StatusCode != 200 {
			t.Fatal(a.body)
		}
	}
	_, _, kept, revoked, _ := w.issuer.Kept()
	if kept != 0 || revoked > devissuer.MaxRevoked {
		t.Errorf("%d opaque tokens, %d revoked ones are kept", kept, revoked)
	}
	w.wait(devissuer.DefaultTokenTTL)
	token, err := opaque.Token(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.post("/revoke", url.Values{"token": {token.AccessToken}}, basic(opaque.ClientID, own.Secret))
	if _, _, _, revoked, _ := w.issuer.Kept(); revoked != 1 {
		t.Errorf("%d revoked tokens are kept that have expired", revoked-1)
	}
}

// Whoever fails to log in, from however many addresses, fills no memory.
func TestFloodOfPeers(t *testing.T) {
	w := start(t)
	form := url.Values{"request": {w.loginPage(w.authURL("orders.read"))}, "token": {"wrong"}, "answer": {"allow"}}.Encode()
	for n := range devissuer.MaxPeers + 100 {
		r := httptest.NewRequest("POST", "/issuer/login", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = fmt.Sprintf("[2001:db8::%x]:1", n)
		answer := httptest.NewRecorder()
		if w.issuer.ServeHTTP(answer, r); answer.Code != 403 {
			t.Fatalf("%d: %s", answer.Code, answer.Body)
		}
	}
	if _, _, _, _, peers := w.issuer.Kept(); peers != devissuer.MaxPeers {
		t.Errorf("%d peers are kept", peers)
	}
}

// logInQuickly opens a session without reading the page each time.
func (w *world) logInQuickly() {
	w.Helper()
	verifier := oauth2.GenerateVerifier()
	a := w.send("GET", w.docs("orders.read", "offline_access").AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)), nil)
	target, err := url.Parse(a.Header.Get("Location"))
	if err != nil {
		w.Fatal(err)
	}
	code := w.back(w.fillIn(target.Query().Get("request"), "token-of-ann")).Get("code")
	if a := w.post("/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "client_id": {"docs"}, "code_verifier": {verifier}}); a.StatusCode != 200 {
		w.Fatal(a.body)
	}
}

// Whatever is sent, nobody gets a code without a token of the service and a request that was sealed here.
func FuzzLogin(f *testing.F) {
	w := start(f)
	sealed := w.loginPage(w.authURL("orders.read"))
	for _, seed := range [][2]string{{sealed, "token-of-ann"}, {sealed, "wrong"}, {"", ""}, {"a.b.c.d.e", "\x00"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, request, token string) {
		r := httptest.NewRequest("POST", "/issuer/login", strings.NewReader(url.Values{"request": {request}, "token": {token}, "answer": {"allow"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := httptest.NewRecorder()
		w.issuer.ServeHTTP(answer, r)
		known := request == sealed && strings.TrimSpace(token) == "token-of-ann"
		if got := answer.Code == 303; answer.Code >= 500 || got && !known {
			t.Errorf("%q, %q: %d to %q", request, token, answer.Code, answer.Header().Get("Location"))
		}
	})
}
