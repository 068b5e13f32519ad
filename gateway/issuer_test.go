package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"ordermanagement/gateway"
	"ordermanagement/openapi/docs"
)

// teapot is an issuer that says what it was asked.
func teapot(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/panic") {
		panic("an issuer that panics")
	}
	w.Header().Set("X-Issuer", "yes")
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "%s %s", r.Method, r.URL.EscapedPath())
}

// An issuer has its path and all below it, answers in its own way, and is bounded, counted and logged as all is.
func TestIssuer(t *testing.T) {
	registry := prometheus.NewRegistry()
	bothVersions(t, uncallable{t}, func(t *testing.T, front *front) {
		for _, path := range []string{"/issuer", "/issuer/", "/issuer/token", "/issuer//x", "/issuer/..%2f"} {
			for _, method := range []string{"GET", "POST"} {
				a := front.ask(t, method, path, "")
				if a.StatusCode != http.StatusTeapot || a.body != method+" "+path || a.Header.Get("X-Request-Id") == "" {
					t.Errorf("%s %s: %d %s", method, path, a.StatusCode, a.body)
				}
			}
		}
		for _, path := range []string{"/issuers", "/issue", "/%69ssuer/token", "//issuer/token"} {
			failed(t, front.ask(t, "GET", path, ""), 404, "ROUTE_NOT_FOUND")
		}
		failed(t, front.ask(t, "POST", "/issuer/token", "", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403, "CROSS_ORIGIN_REFUSED")
		failed(t, front.ask(t, "GET", "/issuer/panic", ""), 500, "INTERNAL_ERROR")
		for _, method := range []string{"GET", "OPTIONS"} {
			a := front.ask(t, method, "/issuer/token", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
			for name := range a.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s from a listed origin: %s is %q", method, name, a.Header.Get(name))
				}
			}
		}
		if a := front.ask(t, "GET", docs.PathOAuth2Redirect+"?code=x&state=y", ""); a.StatusCode != 200 {
			t.Errorf("the redirect: %d", a.StatusCode)
		}
		if a := front.ask(t, "GET", "/openapi/v2.json", ""); !strings.Contains(a.body, `"authorizationUrl":"/issuer/authorize"`) {
			t.Error("the document has no authorization server")
		}
	}, func(o *gateway.Options) {
		registry = prometheus.NewRegistry()
		o.Registry, o.Issuer, o.Origins = registry, http.HandlerFunc(teapot), []string{"https://app.example"}
		o.Authorization = &docs.OAuth2{AuthorizationURL: "/issuer/authorize", TokenURL: "/issuer/token", ClientID: "docs"}
	})
	if n, err := testutil.GatherAndCount(registry, "http_requests_total"); err != nil || n < 3 {
		t.Errorf("%d series, %v", n, err)
	}
}

// Without an issuer there is nothing at its path.
func TestNoIssuer(t *testing.T) {
	front := serve(t, uncallable{t}, 2)
	for _, path := range []string{"/issuer", "/issuer/token", docs.PathOAuth2Redirect} {
		failed(t, front.ask(t, "GET", path, ""), 404, "ROUTE_NOT_FOUND")
	}
}
