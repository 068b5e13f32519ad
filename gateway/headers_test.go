package gateway_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/apierror"
)

// mine is metadata without what grpc-go adds itself.
func mine(md metadata.MD) map[string]string {
	got := map[string]string{}
	for key, values := range md {
		if key != ":authority" && key != "content-type" && key != "user-agent" && key != "grpc-accept-encoding" {
			got[key] = strings.Join(values, "|")
		}
	}
	return got
}

// What the server gets of a request's headers, unary and streaming: all of it and nothing more.
func TestIncomingMetadata(t *testing.T) {
	var got atomic.Pointer[metadata.MD]
	keep := func(ctx context.Context) {
		md, _ := metadata.FromIncomingContext(ctx)
		got.Store(&md)
	}
	f := &fake{
		get: func(ctx context.Context, _ *wrapperspb.StringValue) (*v1.Order, error) {
			keep(ctx)
			return &v1.Order{}, nil
		},
		search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
			keep(s.Context())
			return nil
		},
	}
	cases := []struct {
		name   string
		header []string
		want   map[string]string
	}{
		{"nothing", nil, nil},
		{"what is listed", []string{
			"Authorization", "Bearer a", "Idempotency-Key", "k", "If-Match", `"1"`, "If-Match", `"2"`, "If-None-Match", "*",
			"Traceparent", "00-1", "Tracestate", "a=b", "Baggage", "c=d", "Accept-Language", "en",
		}, map[string]string{
			"authorization": "Bearer a", "idempotency-key": "k", "if-match": `"1", "2"`, "if-none-match": "*",
			"traceparent": "00-1", "tracestate": "a=b", "baggage": "c=d", "accept-language": "en",
		}},
		{"metadata of the caller's own", []string{"Grpc-Metadata-Colour", "red", "grpc-metadata-COLOUR", "blue", "Grpc-Metadata-A_b.c-1", "x"},
			map[string]string{"colour": "red|blue", "a_b.c-1": "x"}},
		{"binary metadata", []string{"Grpc-Metadata-Seal-Bin", "AP8=, AQ", "Grpc-Metadata-Seal-Bin", "Ag=="}, map[string]string{"seal-bin": "\x00\xff|\x01|\x02"}},
		{"what is not listed", []string{
			"Cookie", "a=b", "Forwarded", "for=1", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "https", "X-Forwarded-For", "1.2.3.4",
			"X-Forwarded-Client-Cert", "Hash=1", "X-Real-Ip", "1.2.3.4", "X-Om-Caller", "root", "Origin", "https://example.com", "From", "a@b", "Via", "x",
			"Grpc-Status", "0", "X-Http-Method-Override", "DELETE", "Proxy-Authorization", "Basic x",
		}, nil},
		{"identity by metadata", []string{
			"Grpc-Metadata-Authorization", "Bearer b", "Grpc-Metadata-X-Forwarded-For", "1.2.3.4", "Grpc-Metadata-X-Forwarded-Client-Cert", "Hash=1",
			"Grpc-Metadata-X-Om-Caller", "root", "Grpc-Metadata-X-Request-Id", "forged", "Grpc-Metadata-Idempotency-Key", "forged", "Grpc-Metadata-If-Match", "*",
			"Grpc-Metadata-Grpc-Timeout", "1S", "Grpc-Metadata-Grpcgateway-Authorization", "Bearer b", "Grpc-Metadata-Cookie", "a=b", "Grpc-Metadata-Host", "evil",
			"Grpc-Metadata-Te", "trailers", "Grpc-Metadata-Connection", "close", "Grpc-Metadata-User-Agent", "x", "Grpc-Metadata-Content-Type", "x",
			"Grpc-Metadata-Forwarded", "for=1", "Grpc-Metadata-X-Real-Ip", "1.2.3.4", "Grpc-Metadata-X-Auth-Request-User", "root", "Grpc-Metadata-Traceparent", "x",
			"Grpc-Metadata-A!b", "x", "Grpc-Metadata-", "x",
		}, nil},
		{"one credential only", []string{"Authorization", "Bearer a", "Grpc-Metadata-Authorization", "Bearer b"}, map[string]string{"authorization": "Bearer a"}},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		for _, test := range cases {
			for _, path := range []string{"/v1/orders/102", "/v1/orders:search?value=x"} {
				a := front.ask(t, "GET", path, "", append([]string{"X-Request-Id", "id-1"}, test.header...)...)
				if a.StatusCode != 200 {
					t.Fatalf("%s: %d %s", test.name, a.StatusCode, a.body)
				}
				want := map[string]string{"x-request-id": "id-1", "x-forwarded-for": "127.0.0.1"}
				maps.Copy(want, test.want)
				if got := mine(*got.Load()); !maps.Equal(got, want) {
					t.Errorf("%s, %s: the server got %q, want %q", test.name, path, got, want)
				}
			}
		}
	})
	front := serve(t, inProcess(t, f), 1, func(o *gateway.Options) { o.TrustForwardedFor = true })
	front.ask(t, "GET", "/v1/orders/102", "", "X-Forwarded-For", "1.2.3.4, 5.6.7.8", "X-Forwarded-For", "9.9.9.9", "X-Forwarded-For", "ü")
	if hops := got.Load().Get("x-forwarded-for"); !slices.Equal(hops, []string{"1.2.3.4, 5.6.7.8, 9.9.9.9, 127.0.0.1"}) {
		t.Errorf("x-forwarded-for behind a trusted proxy is %q", hops)
	}
}

func TestRequestID(t *testing.T) {
	var got atomic.Value
	f := &fake{get: func(ctx context.Context, _ *wrapperspb.StringValue) (*v1.Order, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		got.Store(strings.Join(md.Get("x-request-id"), "|"))
		return nil, status.Error(codes.NotFound, "no")
	}}
	everyWay(t, f, func(t *testing.T, front *front) {
		for _, path := range []string{"/v1/orders/1", "/nothing"} {
			for _, given := range []string{"abc-1._Z", strings.Repeat("x", 128)} {
				if id := front.ask(t, "GET", path, "", "X-Request-Id", given).Header["X-Request-Id"]; !slices.Equal(id, []string{given}) {
					t.Errorf("%s: id is %q, want %q", path, id, given)
				}
			}
			seen := map[string]bool{}
			for _, given := range [][]string{nil, {""}, {"a b"}, {"a\tb"}, {strings.Repeat("x", 129)}, {"ü"}, {"a", "b"}} {
				var header []string
				for _, value := range given {
					header = append(header, "X-Request-Id", value)
				}
				id := front.ask(t, "GET", path, "", header...).Header["X-Request-Id"]
				if len(id) != 1 || len(id[0]) != 36 || id[0][14] != '7' || seen[id[0]] {
					t.Errorf("%s: for %q the id is %q, not a fresh UUIDv7", path, given, id)
				}
				seen[strings.Join(id, "")] = true
				if path != "/nothing" && got.Load() != id[0] {
					t.Errorf("the server got %q, the client %q", got.Load(), id)
				}
			}
		}
	})
}

// serverHeader is sent by the fake server with every kind of answer, and answerHeader is what becomes of it.
var (
	serverHeader = metadata.Pairs("etag", `"1"`, "retry-after", "3", "deprecation", "@1", "sunset", "Sat, 31 Dec 2033 23:59:59 GMT",
		"link", "</v2>; rel=a", "link", "</v3>; rel=b", "idempotency-replayed", "true", "www-authenticate", "Basic", "x-ratelimit-limit", "10", "ratelimit-policy", "p",
		"location", "Berlin", "timestamp", "now", "seal-bin", "\x00\xff", "x-request-id", "id-1",
		"connection", "close", "keep-alive", "1", "transfer-encoding", "gzip", "upgrade", "x")
	serverTrailer = metadata.Pairs("timestamp", "later", "timestamp", "latest", "seal-bin", "\x00\xff", "connection", "close")

	answerHeader = map[string]string{"Etag": `"1"`, "Retry-After": "3", "Deprecation": "@1", "Sunset": "Sat, 31 Dec 2033 23:59:59 GMT",
		"Link": "</v2>; rel=a|</v3>; rel=b", "Idempotency-Replayed": "true", "Www-Authenticate": "Basic", "X-Ratelimit-Limit": "10", "Ratelimit-Policy": "p",
		"Grpc-Metadata-Location": "Berlin", "Grpc-Metadata-Timestamp": "now", "Grpc-Metadata-Seal-Bin": "AP8=", "X-Request-Id": "id-1", "X-Content-Type-Options": "nosniff"}
	answerTrailer = map[string]string{"Grpc-Trailer-Timestamp": "later|latest", "Grpc-Trailer-Seal-Bin": "AP8="}
)

func joined(header map[string][]string, without ...string) map[string]string {
	got := map[string]string{}
	for name, values := range header {
		if !slices.Contains(without, name) {
			got[name] = strings.Join(values, "|")
		}
	}
	return got
}

// Header and trailer metadata reach the client whatever the kind of call and however it ends.
func TestOutgoingHeadersAndTrailers(t *testing.T) {
	var fail atomic.Pointer[status.Status]
	stream := func(s grpc.ServerStream) error {
		s.SetTrailer(serverTrailer)
		return s.SetHeader(serverHeader)
	}
	unary := func(ctx context.Context) error {
		return errors.Join(grpc.SetHeader(ctx, serverHeader), grpc.SetTrailer(ctx, serverTrailer))
	}
	f := &fake{
		get: func(ctx context.Context, in *wrapperspb.StringValue) (*v1.Order, error) {
			if err := unary(ctx); err != nil {
				return nil, err
			}
			if in.GetValue() == "bad" {
				return nil, status.Error(codes.NotFound, "no")
			}
			return &v1.Order{Id: strings.Repeat("x", 5000)}, nil
		},
		search: func(in *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
			if err := stream(s); err != nil {
				return err
			}
			if strings.HasPrefix(in.GetValue(), "some") {
				if err := s.Send(&v1.Order{Id: "1"}); err != nil {
					return err
				}
			}
			if strings.HasSuffix(in.GetValue(), "bad") {
				return fail.Load().Err()
			}
			return nil
		},
		update: func(s grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
			if err := stream(s); err != nil {
				return err
			}
			order, err := s.Recv()
			if err != nil || order.GetId() == "bad" {
				return fail.Load().Err()
			}
			return s.SendAndClose(wrapperspb.String("done"))
		},
	}
	fail.Store(apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "no such order"))
	records := map[string]string{"Vary": "Accept"}
	events := map[string]string{"Vary": "Accept", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
	cases := []struct {
		name, method, path, body string
		status                   int
		contentType, answer      string
		adds                     map[string]string // to the header, by HTTP and not by the server
	}{
		{"unary", "GET", "/v1/orders/1", "", 200, "application/json", `{"id":"xxx`, nil},
		{"unary, failing", "GET", "/v1/orders/bad", "", 500, "application/json", `{"code":13,`, nil}, // NOT_FOUND without a reason is no error of ours
		{"stream", "GET", "/v1/orders:search?value=some", "", 200, "application/x-ndjson", `{"result":{"id":"1"}}` + "\n", records},
		{"events", "GET", "/v1/orders:search?value=some", "", 200, "text/event-stream", "id: 1\ndata: {\"id\":\"1\"}\n\nevent: end\nid: end\ndata: {}\n\n", events},
		{"stream without records", "GET", "/v1/orders:search?value=none", "", 200, "application/x-ndjson", "", records},
		{"events without records", "GET", "/v1/orders:search?value=none", "", 200, "text/event-stream", "event: end\nid: end\ndata: {}\n\n", events},
		{"stream failing at once", "GET", "/v1/orders:search?value=bad", "", 404, "application/json", `{"code":5,"message":"no such order"`, nil},
		{"events failing at once", "GET", "/v1/orders:search?value=bad", "", 404, "application/json", `{"code":5,"message":"no such order"`, nil},
		{"stream failing later", "GET", "/v1/orders:search?value=somebad", "", 200, "application/x-ndjson", `{"result":{"id":"1"}}` + "\n" + `{"error":{"code":5,"message":"no such order"`, records},
		{"events failing later", "GET", "/v1/orders:search?value=somebad", "", 200, "text/event-stream", "id: 1\ndata: {\"id\":\"1\"}\n\nevent: error\nid: end\ndata: {\"code\":5,", events},
		{"client stream", "POST", "/v1/orders:update", `{"id":"1"}`, 200, "application/json", `"done"`, nil},
		{"client stream failing", "POST", "/v1/orders:update", `{"id":"bad"}`, 404, "application/json", `{"code":5,`, nil},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		for _, test := range cases {
			for _, te := range []string{"", "trailers", "deflate;q=0.5, Trailers;q=1"} {
				header := []string{"X-Request-Id", "id-1"}
				if strings.HasPrefix(test.name, "events") {
					header = append(header, "Accept", "text/event-stream")
				}
				if te != "" {
					header = append(header, "TE", te)
				}
				if front.major == 2 && te != "" {
					header[len(header)-1] = "trailers" // the only value that HTTP/2 allows
				}
				a := front.ask(t, test.method, test.path, test.body, header...)
				if a.StatusCode != test.status || a.Header.Get("Content-Type") != test.contentType || !strings.HasPrefix(a.body, test.answer) {
					t.Errorf("%s: answer is %d %s %.200q", test.name, a.StatusCode, a.Header.Get("Content-Type"), a.body)
				}
				want := maps.Clone(answerHeader)
				maps.Copy(want, test.adds)
				if got := joined(a.Header, "Content-Type", "Content-Length", "Date", "Trailer"); !maps.Equal(got, want) {
					t.Errorf("%s: header is %q, want %q", test.name, got, want)
				}
				want = answerTrailer
				if te == "" {
					want = map[string]string{}
				}
				if got := joined(a.Trailer); !maps.Equal(got, want) {
					t.Errorf("%s, TE %q: trailer is %q, want %q", test.name, te, got, want)
				}
			}
		}
	})
}

// A script is not asked for a password: the browser would ask the person instead, before the script has seen the answer.
func TestScriptsAreNotAskedForPasswords(t *testing.T) {
	f := &fake{get: func(ctx context.Context, _ *wrapperspb.StringValue) (*v1.Order, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("www-authenticate", "Bearer realm=x", "www-authenticate", "Basic realm=x"))
		return nil, apierror.New(apiv1.ErrorReason_CREDENTIALS_MISSING, "x").Err()
	}}
	everyWay(t, f, func(t *testing.T, front *front) {
		for dest, want := range map[string]string{"": "Bearer realm=x|Basic realm=x", "document": "Bearer realm=x|Basic realm=x", "empty": "Bearer realm=x"} {
			a := front.ask(t, "GET", "/v1/orders/1", "", "Sec-Fetch-Dest", dest)
			if got := strings.Join(a.Header.Values("WWW-Authenticate"), "|"); got != want {
				t.Errorf("Sec-Fetch-Dest %q: asked for %q, want %q", dest, got, want)
			}
		}
	})
}

// What errors add to the header when the server did not.
func TestErrorHeaders(t *testing.T) {
	cases := []struct {
		name         string
		err          *status.Status
		status       int
		reason       string
		header, want string
	}{
		{"retry, rounded up", apierror.New(apiv1.ErrorReason_SERVICE_UNAVAILABLE, "x", apierror.RetryAfter(1500*time.Millisecond)), 503, "SERVICE_UNAVAILABLE", "Retry-After", "2"},
		{"no credentials", apierror.New(apiv1.ErrorReason_CREDENTIALS_MISSING, "x"), 401, "CREDENTIALS_MISSING", "Www-Authenticate", `Bearer realm="ordermanagement"`},
		{"bad credentials", apierror.New(apiv1.ErrorReason_CREDENTIALS_INVALID, "x"), 401, "CREDENTIALS_INVALID", "Www-Authenticate", `Bearer realm="ordermanagement", error="invalid_token"`},
		{"no scope", apierror.New(apiv1.ErrorReason_SCOPE_MISSING, "x"), 403, "SCOPE_MISSING", "Www-Authenticate", ""},
		{"stale", apierror.New(apiv1.ErrorReason_IF_MATCH_FAILED, "x"), 412, "IF_MATCH_FAILED", "Retry-After", ""},
		{"key reused", apierror.New(apiv1.ErrorReason_IDEMPOTENCY_KEY_REUSED, "x"), 422, "IDEMPOTENCY_KEY_REUSED", "Retry-After", ""},
		{"retired", apierror.New(apiv1.ErrorReason_VERSION_RETIRED, "x"), 410, "VERSION_RETIRED", "Retry-After", ""},
		{"secret", status.New(codes.Unknown, "secret"), 500, "INTERNAL_ERROR", "Retry-After", ""},
		{"with details", apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "x", &errdetails.ResourceInfo{ResourceName: "orders/1"}), 404, "RESOURCE_NOT_FOUND", "Retry-After", ""},
	}
	var now atomic.Pointer[status.Status]
	f := &fake{
		get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { return nil, now.Load().Err() },
		search: func(*wrapperspb.StringValue, grpc.ServerStreamingServer[v1.Order]) error {
			return now.Load().Err()
		},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		for _, test := range cases {
			now.Store(test.err)
			for _, path := range []string{"/v1/orders/1", "/v1/orders:search"} {
				a := front.ask(t, "GET", path, "")
				failed(t, a, test.status, test.reason)
				if got := strings.Join(a.Header.Values(test.header), "|"); got != test.want {
					t.Errorf("%s: %s is %q, want %q", test.name, test.header, got, test.want)
				}
				if strings.Contains(a.body, "secret") {
					t.Errorf("%s: leaks: %s", test.name, a.body)
				}
			}
		}
		if !strings.Contains(front.log.String(), "secret") {
			t.Error("what is not told to the client is not in the log")
		}
	})
}

// An error that is no status, as the in-process channel passes it on, is told as little as one that is.
func TestBareError(t *testing.T) {
	f := &fake{get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { return nil, errors.New("secret") }}
	everyWay(t, f, func(t *testing.T, front *front) {
		a := front.ask(t, "GET", "/v1/orders/1", "")
		if failed(t, a, 500, "INTERNAL_ERROR"); strings.Contains(a.body, "secret") {
			t.Error(a.body)
		}
	})
}

func TestConditionalGet(t *testing.T) {
	f := &fake{orders: fakeOrders{
		get: func(ctx context.Context, in *v2.GetOrderRequest) (*v2.Order, error) {
			tag := map[string]string{"orders/weak": `W/"a"`, "orders/strong": `"a"`, "orders/comma": `"a,b"`}[in.GetName()]
			if tag != "" {
				_ = grpc.SetHeader(ctx, metadata.Pairs("etag", tag, "timestamp", "now"))
			}
			return &v2.Order{Name: in.GetName()}, nil
		},
		confirm: func(ctx context.Context, in *v2.ConfirmOrderRequest) (*v2.Order, error) {
			_ = grpc.SetHeader(ctx, metadata.Pairs("etag", `"a"`))
			return &v2.Order{Name: in.GetName()}, nil
		},
	}}
	cases := []struct {
		order, condition string
		match            bool
	}{
		{"strong", `"a"`, true}, {"strong", `W/"a"`, true}, {"weak", `"a"`, true}, {"weak", `W/"a"`, true},
		{"strong", `*`, true}, {"strong", ` * `, true}, {"strong", `"b", "a"`, true}, {"strong", `"b","c" , W/"a"`, true}, {"strong", `,, "a"`, true},
		{"comma", `"a,b"`, true}, {"comma", `"a", "b"`, false},
		{"strong", `"b"`, false}, {"strong", `a`, false}, {"strong", `"a`, false}, {"strong", `"A"`, false}, {"strong", `"b" "a"`, false},
		{"strong", `w/"a"`, false}, {"strong", `"a b", "a"`, false}, {"strong", ``, false}, {"none", `*`, false}, {"none", `""`, false},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		for _, test := range cases {
			for _, method := range []string{"GET", "HEAD"} {
				a := front.ask(t, method, "/v2/orders/"+test.order, "", "If-None-Match", test.condition, "TE", "trailers")
				want := 200
				if test.match {
					want = 304
				}
				if a.StatusCode != want || (a.body == "") != (test.match || method == "HEAD") {
					t.Errorf("%s with %s: %d %q, want %d", test.order, test.condition, a.StatusCode, a.body, want)
				}
				if test.match && (a.Header.Get("ETag") == "" || a.Header.Get("Content-Type") != "" || a.Header.Get("Grpc-Metadata-Timestamp") != "now") {
					t.Errorf("304 with %q", a.Header)
				}
			}
		}
		a := front.send(t, front.request(t, "GET", "/v2/orders/strong", nil, "If-None-Match", `"b"`, "If-None-Match", `"a"`))
		if a.StatusCode != 304 {
			t.Errorf("over two lines: %d", a.StatusCode)
		}
		if a = front.ask(t, "POST", "/v2/orders/strong:confirm", "", "If-None-Match", `"a"`); a.StatusCode != 200 {
			t.Errorf("POST: %d", a.StatusCode)
		}
	})
}
