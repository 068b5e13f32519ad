package gateway_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/internal/apierror"
)

const listed, alsoListed = "https://app.example.com", "http://localhost:3000"

func shared(o *gateway.Options) { o.Origins = []string{listed, alsoListed} }

func noSharing(t *testing.T, a answer) {
	t.Helper()
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %s", name, a.Header.Get(name))
		}
	}
}

func TestPreflight(t *testing.T) {
	bothVersions(t, uncallable{t}, func(t *testing.T, front *front) {
		for _, path := range []string{"/v2/orders", "/v2/orders/1:confirm", "/v1/orders:process", "/v1/orders:search", "/openapi/v2.json", "/healthz", "/"} {
			for _, origin := range []string{listed, alsoListed} {
				for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
					a := front.ask(t, "OPTIONS", path, "", "Origin", origin, "Access-Control-Request-Method", method,
						"Access-Control-Request-Headers", "authorization,content-type,grpc-metadata-colour,idempotency-key,if-match,last-event-id")
					allowed := strings.Split(strings.ToLower(a.Header.Get("Access-Control-Allow-Headers")), ",")
					if a.StatusCode != 204 || a.body != "" || a.Header.Get("Access-Control-Allow-Origin") != origin ||
						a.Header.Get("Access-Control-Allow-Methods") != "DELETE, GET, HEAD, PATCH, POST" || len(allowed) != 2 || allowed[0] != "*" || allowed[1] != "authorization" ||
						a.Header.Get("Access-Control-Max-Age") != "7200" || a.Header.Get("Access-Control-Allow-Credentials") != "" || a.Header.Get("X-Request-Id") == "" {
						t.Errorf("%s %s from %s: %d %q", method, path, origin, a.StatusCode, a.Header)
					}
				}
			}
		}
		for name, header := range map[string][]string{
			"unlisted":            {"Origin", "https://evil.example"},
			"another scheme":      {"Origin", "http://app.example.com"},
			"another port":        {"Origin", "https://app.example.com:8443"},
			"a default port":      {"Origin", "https://app.example.com:443"},
			"a name within":       {"Origin", "https://x.app.example.com"},
			"a name around":       {"Origin", "https://app.example.com.evil.example"},
			"capitals":            {"Origin", "https://App.example.com"},
			"a slash":             {"Origin", "https://app.example.com/"},
			"null":                {"Origin", "null"},
			"nothing":             {"Origin", ""},
			"two in one":          {"Origin", "https://app.example.com https://evil.example"},
			"not a method of API": {"Origin", listed, "Access-Control-Request-Method", "PUT"},
		} {
			help := "the page wants to call with" // when the origin is listed
			if len(header) == 2 {
				header = append(header, "Access-Control-Request-Method", "POST")
				help = "--cors-origins"
			}
			a := front.ask(t, "OPTIONS", "/v2/orders", "", header...)
			if f := failed(t, a, 403, "CROSS_ORIGIN_REFUSED"); !strings.Contains(f.Message, help) {
				t.Errorf("%s: %s", name, f.Message)
			}
			noSharing(t, a)
		}
		for name, header := range map[string][]string{ // OPTIONS for its own sake
			"no origin": {"Access-Control-Request-Method", "POST"},
			"no method": {"Origin", "https://evil.example"},
		} {
			a := front.ask(t, "OPTIONS", "/v2/orders", "", header...)
			if a.StatusCode != 204 || a.Header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
				t.Errorf("%s: %d %q", name, a.StatusCode, a.Header)
			}
			noSharing(t, a)
		}
	}, shared)
}

// Without a list, CORS is nothing that the service has heard of.
func TestNoOrigins(t *testing.T) {
	bothVersions(t, uncallable{t}, func(t *testing.T, front *front) {
		a := front.ask(t, "OPTIONS", "/v2/orders", "", "Origin", listed, "Access-Control-Request-Method", "POST")
		if a.StatusCode != 204 || a.Header.Get("Allow") != "GET, HEAD, POST, OPTIONS" {
			t.Errorf("%d %q", a.StatusCode, a.Header)
		}
		noSharing(t, a)
		a = front.ask(t, "POST", "/v2/orders", "{}", "Origin", listed, "Sec-Fetch-Site", "cross-site")
		failed(t, a, 403, "CROSS_ORIGIN_REFUSED")
		noSharing(t, a)
	})
}

// Whatever a listed origin's page is answered, it may read; another's may read nothing, and send nothing that writes.
func TestSharedAnswers(t *testing.T) {
	f := &fake{
		get: func(_ context.Context, in *wrapperspb.StringValue) (*v1.Order, error) {
			if in.GetValue() == "missing" {
				return nil, apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "no such order").Err()
			}
			return &v1.Order{Id: "1"}, nil
		},
		search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
			return s.Send(&v1.Order{Id: "1"})
		},
		add: func(context.Context, *v1.Order) (*wrapperspb.StringValue, error) {
			return wrapperspb.String("added"), nil
		},
	}
	bothVersions(t, inProcess(t, f), func(t *testing.T, front *front) {
		for _, test := range []struct {
			method, path, body string
			status             int
			header             []string
		}{
			{"GET", "/v1/orders/1", "", 200, nil},
			{"HEAD", "/v1/orders/1", "", 200, nil},
			{"POST", "/v1/orders", "{}", 200, nil},
			{"GET", "/v1/orders:search", "", 200, nil},
			{"GET", "/v1/orders:search", "", 200, []string{"Accept", "text/event-stream"}},
			{"GET", "/v1/orders:search", "", 204, []string{"Accept", "text/event-stream", "Last-Event-ID", "end"}},
			{"GET", "/v1/orders/missing", "", 404, nil},
			{"GET", "/nothing", "", 404, nil},
			{"PUT", "/v1/orders", "{}", 405, nil},
			{"POST", "/v1/orders", "{", 400, nil},
			{"GET", "/v1/orders/1", "", 431, []string{"X-Large", strings.Repeat("x", 70<<10)}},
			{"GET", "/", "", 200, nil},
			{"GET", "/openapi/v2.json", "", 200, nil},
			{"GET", "/openapi/v2.json", "", 304, []string{"If-None-Match", "*"}},
		} {
			header := append([]string{"Sec-Fetch-Site", "cross-site", "Origin"}, listed)
			a := front.ask(t, test.method, test.path, test.body, append(header, test.header...)...)
			if a.StatusCode != test.status || a.Header.Get("Access-Control-Allow-Origin") != listed || a.Header.Get("Access-Control-Expose-Headers") != "*" ||
				a.Header.Get("Access-Control-Allow-Credentials") != "" || !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s %s: %d %q %s", test.method, test.path, a.StatusCode, a.Header, a.body)
			}
			header[3] = "https://evil.example"
			a = front.ask(t, test.method, test.path, test.body, append(header, test.header...)...)
			noSharing(t, a)
			if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s %s: a cache would give this to a listed origin: %q", test.method, test.path, a.Header)
			}
			if test.method == "POST" || test.method == "PUT" {
				failed(t, a, 403, "CROSS_ORIGIN_REFUSED")
			}
		}
		a := front.ask(t, "GET", "/v1/orders/1", "")
		if noSharing(t, a); !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
			t.Errorf("without an origin: %q", a.Header)
		}
	}, shared)
	a := serve(t, panicky{value: "bug"}, 2, shared).ask(t, "GET", "/v1/orders/1", "", "Origin", listed)
	if failed(t, a, 500, "INTERNAL_ERROR"); a.Header.Get("Access-Control-Allow-Origin") != listed {
		t.Errorf("a panic: %q", a.Header)
	}
}

func TestCheckOrigin(t *testing.T) {
	for origin, ok := range map[string]bool{
		listed: true, alsoListed: true, "http://127.0.0.1:8080": true, "http://[::1]:9090": true, "https://xn--bcher-kva.example": true,
		"": false, "*": false, "null": false, "app.example.com": false, "https://*.example.com": false, "http://localhost:*": false,
		"https://app.example.com/": false, "https://app.example.com/x": false, "https://app.example.com:443": false, "http://a:80": false,
		"https://App.example.com": false, "HTTPS://app.example.com": false, "https://app.example.com?x": false, "https://app.example.com#x": false,
		"https://user@app.example.com": false, "https://bücher.example": false, "https://": false, "file:///etc": false, "https://a b": false,
		"http://[0:0::1]:9090": false, "https://a:65536": false, " https://a": false, "https://a\r\nb": false,
	} {
		if err := gateway.CheckOrigin(origin); (err == nil) != ok {
			t.Errorf("%q: %v", origin, err)
		}
	}
	_, err := gateway.New(gateway.Options{Conn: uncallable{t}, Origins: []string{"*", "null"}})
	if err == nil || !strings.Contains(err.Error(), `"*"`) || !strings.Contains(err.Error(), `"null"`) {
		t.Errorf("not every wrong origin is told: %v", err)
	}
	if _, err := gateway.New(gateway.Options{Conn: uncallable{t}, Versions: []string{"v9"}}); err == nil {
		t.Error("a version without a document is taken")
	}
}
