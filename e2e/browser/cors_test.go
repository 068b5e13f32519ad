package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"ordermanagement/e2e/process"
)

// A page of another origin: another port of this machine.
func foreignPage(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!DOCTYPE html><title>Elsewhere</title><link rel="icon" href="data:,">`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestOtherOrigins(t *testing.T) {
	listed, unlisted := foreignPage(t), foreignPage(t)
	service := program.Start(t, process.Config{Args: []string{"--sample-data", "--cors-origins=" + listed}})
	b := open(t, service)
	b.hosts = append(b.hosts, strings.TrimPrefix(listed, "http://"), strings.TrimPrefix(unlisted, "http://"))

	type answer struct {
		Status             int
		ETag, ID, Metadata string
		Body               string
		Refused            bool // by the browser, which tells the page nothing
	}
	fetch := func(method, path, body string, header string) answer {
		t.Helper()
		return eval[answer](b, fmt.Sprintf(`fetch(%q, {method: %q, body: %s, headers: {Authorization: "Bearer " + %q, "Content-Type": "application/json", %s}}).then(
			async r => ({Status: r.status, ETag: r.headers.get("ETag") ?? "", ID: r.headers.get("X-Request-Id") ?? "",
				Metadata: r.headers.get("Grpc-Metadata-Timestamp") ?? "", Body: await r.text()}),
			() => ({Refused: true}))`, service.URL(path), method, body, service.Token(t), header))
	}

	b.do(chromedp.Navigate(listed))
	made := fetch("POST", "/v2/orders?orderId=elsewhere", `'{"currencyCode": "EUR", "destination": "Lisbon"}'`, `"Idempotency-Key": crypto.randomUUID(), "Grpc-Metadata-Colour": "green"`)
	if made.Status != 200 || made.ETag == "" || made.ID == "" {
		t.Fatalf("from a listed origin: %+v", made)
	}
	if a := fetch("GET", "/v1/orders/102", "undefined", ""); a.Status != 200 || a.Metadata == "" {
		t.Errorf("a page can't read metadata: %+v", a)
	}
	b.intendsStatus(412)
	if a := fetch("PATCH", "/v2/orders/elsewhere", `'{"destination": "Porto"}'`, `"If-Match": '"of-another-version"'`); a.Status != 412 || !strings.Contains(a.Body, "IF_MATCH_FAILED") {
		t.Errorf("a page can't read an error: %+v", a)
	}
	if a := fetch("PATCH", "/v2/orders/elsewhere", `'{"destination": "Porto"}'`, fmt.Sprintf(`"If-Match": %q`, made.ETag)); a.Status != 200 || a.ETag == made.ETag {
		t.Errorf("a page can't use what it has read: %+v", a)
	}
	if a := fetch("GET", "/v1/orders:search?value=Google", "undefined", `Accept: "text/event-stream"`); a.Status != 200 || !strings.Contains(a.Body, "event: end") {
		t.Errorf("a page can't read a stream: %+v", a)
	}

	b.do(chromedp.Navigate(unlisted))
	for range 2 {
		b.intends("from origin '" + unlisted + "' has been blocked by CORS policy")
		b.intends("network: Failed to load resource: net::ERR_FAILED")
	}
	if a := fetch("GET", "/v2/orders/elsewhere", "undefined", ""); !a.Refused {
		t.Errorf("from an origin that isn't listed: %+v", a)
	}
	if a := fetch("DELETE", "/v2/orders/elsewhere", "undefined", ""); !a.Refused {
		t.Errorf("from an origin that isn't listed: %+v", a)
	}
	b.do(chromedp.Navigate(listed))
	if a := fetch("GET", "/v2/orders/elsewhere", "undefined", ""); a.Status != 200 || !strings.Contains(a.Body, "Porto") {
		t.Errorf("what an origin that isn't listed has left of the order: %+v", a)
	}
}
