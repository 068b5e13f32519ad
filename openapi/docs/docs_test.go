package docs_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"ordermanagement/openapi/docs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t testing.TB, pages map[string]docs.Page, path string, header ...string) *http.Response {
	t.Helper()
	page, ok := pages[path]
	if !ok {
		t.Fatalf("there is no %s", path)
	}
	server := httptest.NewServer(page)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func body(t testing.TB, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestVersions(t *testing.T) {
	if got := docs.Versions(); !slices.Equal(got, []string{"v1", "v2"}) {
		t.Errorf("the versions are %q", got)
	}
	for name, versions := range map[string][]string{"unknown": {"v1", "v3"}, "none": nil, "a path": {"../v1"}} {
		if _, err := docs.Pages(docs.Options{Versions: versions}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	pages, err := docs.Pages(docs.Options{Versions: []string{"v1", "v2"}})
	if err != nil {
		t.Fatal(err)
	}
	if html := body(t, get(t, pages, "/docs")); strings.Index(html, "v2.json") > strings.Index(html, "v1.json") {
		t.Errorf("the newest is not the first: %s", html)
	}
}

// Whatever a page links or loads is there, and is the service's own.
func TestLinks(t *testing.T) {
	pages, err := docs.Pages(docs.Options{Versions: docs.Versions()})
	if err != nil {
		t.Fatal(err)
	}
	reference := regexp.MustCompile(`(?:href|src|url)=?"?:?"([^"]+)"|&#34;url&#34;:&#34;([^&]+)&#34;`)
	for _, path := range []string{"/", "/docs"} {
		found := reference.FindAllStringSubmatch(body(t, get(t, pages, path)), -1)
		if len(found) < 5 {
			t.Errorf("%s links only %q", path, found)
		}
		for _, match := range found {
			target := match[1] + match[2]
			if _, ok := pages[target]; !ok && target != docs.PathHealth {
				t.Errorf("%s links %s, which is not there", path, target)
			}
		}
	}
	for _, path := range []string{"/docs/docs.css", "/docs/landing.css", "/docs/swagger-ui.css"} {
		for _, match := range regexp.MustCompile(`url\(\s*["']?([^)"']{0,40})|@import[^;]*`).FindAllStringSubmatch(body(t, get(t, pages, path)), -1) {
			if !strings.HasPrefix(match[1], "data:") {
				t.Errorf("%s loads %s", path, match[0])
			}
		}
	}
}

// Everything is whole in every encoding that it has.
func TestEncodings(t *testing.T) {
	pages, err := docs.Pages(docs.Options{Versions: docs.Versions()})
	if err != nil {
		t.Fatal(err)
	}
	compressed := 0
	for path := range pages {
		bare := get(t, pages, path)
		if text := body(t, bare); text == "" || bare.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d bytes, %q", path, len(text), bare.Header.Get("Content-Encoding"))
		}
		if other := get(t, pages, path, "Accept-Encoding", "gzip"); other.Header.Get("Content-Encoding") == "gzip" {
			compressed++
			if text := body(t, other); len(text) >= int(bare.ContentLength) {
				t.Errorf("%s: %d bytes, compressed %d", path, bare.ContentLength, len(text))
			}
		}
	}
	if compressed != 5 {
		t.Errorf("%d pages are compressed", compressed)
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	pages, err := docs.Pages(docs.Options{Versions: docs.Versions()})
	if err != nil {
		f.Fatal(err)
	}
	for _, value := range []string{"gzip", "gzip;q=0, *", "*;q=0.5", "br;q=1.0, gzip ; q=.1", ";;,,=", "gzip;q=1e-400", "gzip;q=Inf"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		request := httptest.NewRequest(http.MethodGet, "/docs/favicon-16x16.png", nil)
		request.Header.Set("Accept-Encoding", value)
		answer := httptest.NewRecorder()
		pages["/openapi/v1.json"].ServeHTTP(answer, request)
		lower := strings.ToLower(value)
		if answer.Header().Get("Content-Encoding") == "gzip" && !strings.Contains(lower, "gzip") && !strings.Contains(lower, "*") {
			t.Errorf("%q is taken for an offer", value)
		}
	})
}

// With an authorization server the documents have one more scheme, and each operation that needs a caller one more
// alternative, with the scope of the others; the rest is as it was. Without it there is nothing of that.
func TestOAuth2(t *testing.T) {
	server := &docs.OAuth2{AuthorizationURL: "/issuer/authorize", TokenURL: "/issuer/token", ClientID: `do"cs`, Scopes: map[string]string{"orders.read": "Read <orders>"}}
	bare, err := docs.Pages(docs.Options{Versions: docs.Versions()})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := docs.Pages(docs.Options{Versions: docs.Versions(), OAuth2: server})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range docs.Versions() {
		before, after := parsed(t, body(t, get(t, bare, docs.PathDocument(version)))), parsed(t, body(t, get(t, pages, docs.PathDocument(version))))
		schemes := after["components"].(map[string]any)["securitySchemes"].(map[string]any)
		scheme, _ := schemes["oauth2"].(map[string]any)
		flows, _ := json.Marshal(scheme["flows"])
		const want = `{"authorizationCode":{"authorizationUrl":"/issuer/authorize","refreshUrl":"/issuer/token","scopes":{"orders.read":"Read \u003corders\u003e"},"tokenUrl":"/issuer/token"}}`
		if scheme["type"] != "oauth2" || string(flows) != want {
			t.Errorf("%s: the scheme is %v with %s", version, scheme["type"], flows)
		}
		delete(schemes, "oauth2")
		public, guarded := 0, 0
		for path, item := range after["paths"].(map[string]any) {
			for verb, operation := range item.(map[string]any) {
				operation := operation.(map[string]any)
				security := operation["security"].([]any)
				if len(security) == 0 {
					public++
					continue
				}
				guarded++
				last := len(security) - 1
				if want := map[string]any{"oauth2": security[0].(map[string]any)["bearer"]}; last < 1 || !reflect.DeepEqual(security[last], any(want)) {
					t.Errorf("%s: %s %s has the security %v", version, verb, path, security)
				}
				operation["security"] = security[:last]
			}
		}
		if guarded < 5 || version == "v1" && public == 0 {
			t.Errorf("%s: %d operations are guarded, %d public", version, guarded, public)
		}
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%s: something else has changed", version)
		}
	}
	if html := body(t, get(t, pages, "/docs")); !strings.Contains(html, `data-oauth2-client="do&#34;cs"`) {
		t.Errorf("the page has no client: %s", html)
	}
	if html := body(t, get(t, bare, "/docs")); strings.Contains(html, "data-oauth2") {
		t.Errorf("the page has a client: %s", html)
	}
	redirect := get(t, pages, docs.PathOAuth2Redirect)
	if policy := redirect.Header.Get("Content-Security-Policy"); policy != "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; script-src 'self'" {
		t.Errorf("the redirect's policy is %s", policy)
	}
	for _, match := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(body(t, redirect), -1) {
		if _, ok := pages[match[1]]; !ok {
			t.Errorf("the redirect links %s, which is not there", match[1])
		}
	}
	if _, ok := bare[docs.PathOAuth2Redirect]; ok {
		t.Error("there is a redirect without an authorization server")
	}
}

func parsed(t testing.TB, text string) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document
}
