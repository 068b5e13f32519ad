package gateway_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"ordermanagement/gateway"
	"ordermanagement/openapi"
)

var allPages = map[string]string{ // and their media types
	"/":                                     "text/html; charset=utf-8",
	"/docs":                                 "text/html; charset=utf-8",
	"/docs/":                                "text/html; charset=utf-8",
	"/docs/docs.css":                        "text/css; charset=utf-8",
	"/docs/docs.js":                         "text/javascript; charset=utf-8",
	"/docs/landing.css":                     "text/css; charset=utf-8",
	"/docs/swagger-ui.css":                  "text/css; charset=utf-8",
	"/docs/swagger-ui-bundle.js":            "text/javascript; charset=utf-8",
	"/docs/swagger-ui-standalone-preset.js": "text/javascript; charset=utf-8",
	"/docs/favicon-16x16.png":               "image/png",
	"/docs/favicon-32x32.png":               "image/png",
	"/openapi/v1.json":                      "application/json",
	"/openapi/v2.json":                      "application/json",
}

// uncallable is a server that no page may call.
type uncallable struct{ testing.TB }

func (u uncallable) Invoke(_ context.Context, method string, _, _ any, _ ...grpc.CallOption) error {
	u.Errorf("called %s", method)
	return io.EOF
}

func (u uncallable) NewStream(_ context.Context, _ *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	u.Errorf("called %s", method)
	return nil, io.EOF
}

func bothVersions(t *testing.T, conn grpc.ClientConnInterface, test func(*testing.T, *front), change ...func(*gateway.Options)) {
	for name, major := range map[string]int{"HTTP1": 1, "HTTP2": 2} {
		t.Run(name, func(t *testing.T) { test(t, serve(t, conn, major, change...)) })
	}
}

// Every page is there without a credential, whole, guarded, and known by its tag.
func TestPages(t *testing.T) {
	bothVersions(t, uncallable{t}, func(t *testing.T, front *front) {
		for path, media := range allPages {
			a := front.ask(t, "GET", path, "", "Authorization", "Bearer wrong")
			if a.StatusCode != 200 || a.Header.Get("Content-Type") != media || a.body == "" || a.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: %d %q %q, %d bytes", path, a.StatusCode, a.Header.Get("Content-Type"), a.Header.Get("Content-Encoding"), len(a.body))
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache",
			} {
				if got := a.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			policy := a.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'; frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
				t.Errorf("%s: Content-Security-Policy is %q", path, policy)
			}
			if a.Header.Get("X-Request-Id") == "" {
				t.Errorf("%s: no X-Request-Id", path)
			}

			tag := a.Header.Get("ETag")
			if !regexp.MustCompile(`^"[^"]+"$`).MatchString(tag) {
				t.Errorf("%s: ETag is %q", path, tag)
			}
			for _, list := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
				same := front.ask(t, "GET", path, "", "If-None-Match", list)
				if same.StatusCode != 304 || same.body != "" || same.Header.Get("ETag") != tag || same.Header.Get("Cache-Control") != "no-cache" || same.Header.Get("Content-Type") != "" {
					t.Errorf("%s: If-None-Match %s: %d %q", path, list, same.StatusCode, same.Header)
				}
			}
			if other := front.ask(t, "GET", path, "", "If-None-Match", `"other"`); other.StatusCode != 200 || other.body != a.body {
				t.Errorf("%s: %d to who has something else", path, other.StatusCode)
			}
			head := front.ask(t, "HEAD", path, "")
			if head.StatusCode != 200 || head.body != "" || head.ContentLength != a.ContentLength || head.Header.Get("ETag") != tag {
				t.Errorf("HEAD %s: %d, length %d, want %d", path, head.StatusCode, head.ContentLength, a.ContentLength)
			}
		}
	})
}

func TestDocumentsAreTheEmbeddedOnes(t *testing.T) {
	front := serve(t, uncallable{t}, 2)
	for _, version := range []string{"v1", "v2"} {
		want, err := openapi.Documents.ReadFile(version + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if a := front.ask(t, "GET", "/openapi/"+version+".json", ""); a.body != strings.TrimSuffix(string(want), "\n") {
			t.Errorf("%s is another one", version)
		}
	}
}

// What is large is compressed for whoever takes that, and has then another tag.
func TestCompressedPages(t *testing.T) {
	front := serve(t, uncallable{t}, 2)
	for _, path := range []string{"/openapi/v2.json", "/docs/swagger-ui-bundle.js"} {
		bare := front.ask(t, "GET", path, "")
		for accept, want := range map[string]string{
			"gzip": "gzip", "br;q=1, GZIP;q=0.1": "gzip", "*": "gzip", "x-gzip": "gzip", "identity, *;q=0.5": "gzip",
			"": "", "identity": "", "gzip;q=0": "", "gzip;q=0, *": "", "br": "", "gzip;q=2": "", "gzip;q=NaN": "", "gzip;level=9": "", "*;q=0": "",
			strings.Repeat("x,", 20000) + "gzip": "gzip", strings.Repeat(";", 30000): "",
		} {
			short := accept[:min(len(accept), 30)]
			a := front.ask(t, "HEAD", path, "", "Accept-Encoding", accept)
			if a.StatusCode != 200 || a.Header.Get("Content-Encoding") != want || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s, %q: %d %q %q", path, short, a.StatusCode, a.Header.Get("Content-Encoding"), a.Header.Values("Vary"))
				continue
			}
			if want == "" {
				continue
			}
			if a.Header.Get("ETag") == bare.Header.Get("ETag") {
				t.Errorf("%s: two encodings with one strong tag", path)
			}
		}
		r := front.request(t, "GET", path, nil, "Accept-Encoding", "gzip")
		response, err := front.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := gzip.NewReader(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reader)
		response.Body.Close()
		if err != nil || strings.TrimSuffix(string(text), "\n") != strings.TrimSuffix(bare.body, "\n") {
			t.Errorf("%s: compressed it is something else: %v", path, err)
		}
	}
}

// There are pages at their very paths, for GET without a body, and at no other.
func TestPathTricks(t *testing.T) {
	bothVersions(t, uncallable{t}, func(t *testing.T, front *front) {
		for path := range allPages {
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "BREW"} {
				a := front.ask(t, method, path, `{}`)
				failed(t, a, 405, "METHOD_NOT_ALLOWED")
				if got := a.Header.Get("Allow"); got != "GET, HEAD, OPTIONS" {
					t.Errorf("%s %s: Allow is %q", method, path, got)
				}
			}
			if a := front.ask(t, "OPTIONS", path, ""); a.StatusCode != 204 || a.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("OPTIONS %s: %d %q", path, a.StatusCode, a.Header.Get("Allow"))
			}
			failed(t, front.ask(t, "GET", path, `{}`), 400, "MALFORMED_REQUEST")
			failed(t, front.send(t, front.request(t, "GET", path, chunked{strings.NewReader("x")})), 400, "MALFORMED_REQUEST")
		}
		for _, path := range []string{
			"/openapi", "/openapi/", "/openapi/v1.json/", "/openapi/v3.json", "/openapi/v1", "/openapi/V1.json", "/openapi/embed.go",
			"/openapi/../v1.json", "/openapi/./v1.json", "/openapi//v1.json", "/openapi/%2e%2e/openapi/v1.json", "/openapi%2Fv1.json",
			"/openapi/v1.json%00", "/openapi/v1.json%00.html", "/openapi/v1.json;x", "/openapi/v1%2ejson", "/openapi/v1.json%20",
			"//", "//docs", "///docs", "//evil.example/docs", "/docs//", "/docs/..", "/docs/../docs", "/docs/%2e%2e/docs", "/docs/%2e%2e%2fdocs",
			"/docs%2f", "/%64ocs", "/Docs", "/docs%5c", "/docs/..%5cgo.mod", "/docs/index.html", "/docs/docs.html", "/docs/site/docs.js",
			"/docs/swagger-ui.css.gz", "/docs/swagger-ui.js", "/docs/oauth2-redirect.html", "/docs/docs.js/x", "/site", "/index.html", "/.", "/..",
			"/docs/%c0%ae%c0%ae/x", "/docs/%ff", "/healthz/", "/healthz/..", "/docs/" + strings.Repeat("a", 9000),
		} {
			a := front.ask(t, "GET", path, "")
			failed(t, a, 404, "ROUTE_NOT_FOUND")
			if a.Header.Get("Location") != "" {
				t.Errorf("%s: sent to %s", path, a.Header.Get("Location"))
			}
		}
		for _, path := range []string{"/?utm_source=x", "/docs?urls.primaryName=v1", "/docs/?a=%zz", "/docs?"} {
			if a := front.ask(t, "GET", path, ""); a.StatusCode != 200 {
				t.Errorf("%s: %d", path, a.StatusCode)
			}
		}
		for _, path := range []string{"/openapi/v2.json?x=1", "/openapi/v2.json?%zz", "/docs/docs.js?v=1"} {
			failed(t, front.ask(t, "GET", path, ""), 400, "MALFORMED_REQUEST")
		}
	})
}

// What net/http's client doesn't send.
func TestRawPathTricks(t *testing.T) {
	front := serve(t, uncallable{t}, 1)
	for target, want := range map[string]string{
		`/docs\`:                     "404 Not Found",
		`/\evil.example/docs`:        "404 Not Found",
		`/openapi\v1.json`:           "404 Not Found",
		`/openapi/..\v1.json`:        "404 Not Found",
		"/docs\x00":                  "400 Bad Request",
		"/docs\x7f":                  "400 Bad Request",
		"/docs/%":                    "400 Bad Request",
		"docs":                       "400 Bad Request",
		"http://evil.example/docs":   "200 OK",
		"http://evil.example/docs/x": "404 Not Found",
	} {
		got := front.raw(t, "GET "+target+" HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 "+want) || strings.Contains(got, "\r\nLocation:") {
			t.Errorf("%q: %.100s", target, got)
		}
	}
}

// The example on the first page is for the host that was asked, if a shell can't make anything of it.
func TestBaseURL(t *testing.T) {
	front := serve(t, uncallable{t}, 1)
	for host, want := range map[string]string{
		"example.com": "https://example.com/", "example.com:8443": "https://example.com:8443/", "[::1]:1": "https://[::1]:1/",
		"a$(id)": "https://localhost/", "a'b": "https://localhost/", "a;id": "https://localhost/", "-x": "https://localhost/",
		"a&b": "https://localhost/", "": "https://localhost/",
	} {
		if got := front.raw(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); !strings.Contains(got, " "+want+"v2/orders<") {
			t.Errorf("%s: %s", host, got)
		}
	}
}

// A version that is switched off has no document, nor is it shown.
func TestRetiredVersion(t *testing.T) {
	bothVersions(t, uncallable{t}, func(t *testing.T, front *front) {
		failed(t, front.ask(t, "GET", "/openapi/v1.json", ""), 410, "VERSION_RETIRED")
		failed(t, front.ask(t, "POST", "/openapi/v1.json", ""), 405, "METHOD_NOT_ALLOWED")
		if a := front.ask(t, "GET", "/openapi/v2.json", ""); a.StatusCode != 200 {
			t.Errorf("v2: %d", a.StatusCode)
		}
		for _, path := range []string{"/", "/docs"} {
			if a := front.ask(t, "GET", path, ""); strings.Contains(a.body, "v1.json") || !strings.Contains(a.body, "v2.json") {
				t.Errorf("%s offers v1: %s", path, a.body)
			}
		}
	}, func(o *gateway.Options) { o.Versions = []string{"v2"} })
}

func TestHealth(t *testing.T) {
	channel, server := new(inprocgrpc.Channel), health.NewServer()
	healthpb.RegisterHealthServer(channel, server)
	registry := prometheus.NewRegistry()
	bothVersions(t, channel, func(t *testing.T, front *front) {
		server.Resume()
		a := front.ask(t, "GET", "/healthz", "")
		if a.StatusCode != 200 || a.body != `{"status":"SERVING"}` || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("serving: %d %q %s", a.StatusCode, a.Header, a.body)
		}
		if a := front.ask(t, "HEAD", "/healthz", ""); a.StatusCode != 200 || a.body != "" {
			t.Errorf("HEAD: %d", a.StatusCode)
		}
		failed(t, front.ask(t, "GET", "/healthz?service=x", ""), 400, "MALFORMED_REQUEST")
		failed(t, front.ask(t, "POST", "/healthz", "{}"), 405, "METHOD_NOT_ALLOWED")
		server.Shutdown()
		a = front.ask(t, "GET", "/healthz", "")
		failed(t, a, 503, "SERVICE_UNAVAILABLE")
		if a.Header.Get("Retry-After") == "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("not serving: %q", a.Header)
		}
	}, func(o *gateway.Options) {
		registry = prometheus.NewRegistry()
		o.Registry = registry
	})
	if n, err := testutil.GatherAndCount(registry, "http_requests_total"); err != nil || n != 4 { // 200 and HEAD's, 400, 405, 503
		t.Errorf("%d series, %v", n, err)
	}
}

// A server without an answer is one that does not serve.
func TestHealthOfNobody(t *testing.T) {
	failed(t, serve(t, inProcess(t, &fake{}), 1).ask(t, "GET", "/healthz", ""), 503, "SERVICE_UNAVAILABLE")
}

// Pages are counted by their paths, what is no page by none.
func TestPageMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	front := serve(t, uncallable{t}, 2, func(o *gateway.Options) { o.Registry = registry })
	for _, path := range []string{"/docs", "/docs?a=1", "/docs/x", "/docs/y"} {
		front.ask(t, "GET", path, "")
	}
	const want = `# HELP http_requests_total HTTP requests that were answered.
# TYPE http_requests_total counter
http_requests_total{code="200",method="GET",route="/docs"} 2
http_requests_total{code="404",method="other",route="none"} 2
`
	until(t, "the metrics", func() bool {
		return testutil.GatherAndCompare(registry, strings.NewReader(want), "http_requests_total") == nil
	})
	var line map[string]any
	for text := range strings.Lines(front.log.String()) {
		if json.Unmarshal([]byte(text), &line) == nil && line["route"] == "/docs" {
			return
		}
	}
	t.Errorf("not in the log: %s", front.log)
}
