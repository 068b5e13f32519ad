package gateway_test

import (
	"context"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

const smallLimit = 1000

func small(o *gateway.Options) { o.MaxBodyBytes, o.MaxRecordBytes = smallLimit, smallLimit }

// chunked hides a body's length.
type chunked struct{ io.Reader }

// Everything that is refused before the server is called, over every way; the server is never called.
func TestRefused(t *testing.T) {
	long := strings.Repeat("x", smallLimit)
	cases := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		reason, field, text      string
	}{
		// routing
		{name: "no route", method: "GET", path: "/v1/nothing", status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "trailing slash", method: "GET", path: "/v1/orders/", status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "trailing slash after an id", method: "GET", path: "/v1/orders/102/", status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "double slash", method: "POST", path: "/v1//orders", body: `{}`, status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "dot", method: "POST", path: "/v1/./orders", body: `{}`, status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "dot dot", method: "POST", path: "/v1/orders/../orders", body: `{}`, status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "escaped dot dot", method: "GET", path: "/v1/orders/%2e%2E", status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "escaped slash as a route", method: "GET", path: "/v1%2Forders/102", status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "escaped verb", method: "POST", path: "/v1/orders%3Aupdate", body: `{}`, status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "unknown verb of a collection", method: "GET", path: "/v1/orders:find", status: 404, reason: "ROUTE_NOT_FOUND"},
		{name: "id not UTF-8", method: "GET", path: "/v1/orders/%ff", status: 400, reason: "MALFORMED_REQUEST", field: "value"},
		{name: "wrong method", method: "DELETE", path: "/v1/orders/102", status: 405, reason: "METHOD_NOT_ALLOWED"},
		{name: "method override", method: "POST", path: "/v2/orders/1", header: []string{"X-HTTP-Method-Override", "DELETE"}, status: 405, reason: "METHOD_NOT_ALLOWED"},
		{name: "path length fallback", method: "POST", path: "/v1/orders:search", body: "value=x", header: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 405, reason: "METHOD_NOT_ALLOWED"},

		// media types
		{name: "text", method: "POST", path: "/v1/orders", body: `{}`, header: []string{"Content-Type", "text/plain"}, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "unreadable type", method: "POST", path: "/v1/orders", body: `{}`, header: []string{"Content-Type", "application/"}, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "two types", method: "POST", path: "/v1/orders", body: `{}`, header: []string{"Content-Type", "application/json", "Content-Type", "text/plain"}, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "other charset", method: "POST", path: "/v1/orders", body: `{}`, header: []string{"Content-Type", "application/json; charset=latin1"}, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "NDJSON for one", method: "POST", path: "/v1/orders", body: `{}`, header: []string{"Content-Type", "application/x-ndjson"}, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "encoded", method: "POST", path: "/v1/orders", body: `{}`, header: []string{"Content-Encoding", "gzip"}, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE"},
		{name: "text as a stream", method: "POST", path: "/v1/orders:update", body: `{}`, header: []string{"Content-Type", "text/plain"}, status: 415, reason: "UNSUPPORTED_MEDIA_TYPE"},

		// bodies
		{name: "no body", method: "POST", path: "/v1/orders", status: 400, reason: "MALFORMED_REQUEST"},
		{name: "blank body", method: "POST", path: "/v1/orders", body: " \n", status: 400, reason: "MALFORMED_REQUEST"},
		{name: "no body for a field", method: "POST", path: "/v2/orders", status: 400, reason: "MALFORMED_REQUEST", field: "order"},
		{name: "no body to patch", method: "PATCH", path: "/v2/orders/1", status: 400, reason: "MALFORMED_REQUEST", field: "order"},
		{name: "a body where there is none", method: "GET", path: "/v1/orders/102", body: `{}`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "a body to delete", method: "DELETE", path: "/v2/orders/1", body: `{}`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "too large", method: "POST", path: "/v1/orders", body: `{"id":"` + long + `"}`, status: 413, reason: "REQUEST_TOO_LARGE"},
		{name: "too large to patch", method: "PATCH", path: "/v2/orders/1", body: `{"description":"` + long + `"}`, status: 413, reason: "REQUEST_TOO_LARGE"},
		{name: "truncated", method: "POST", path: "/v1/orders", body: `{"id":"1"`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "garbage after", method: "POST", path: "/v1/orders", body: `{"id":"1"}x`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "two values", method: "POST", path: "/v1/orders", body: `{"id":"1"}{"id":"2"}`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "null", method: "POST", path: "/v1/orders", body: `null`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "array", method: "POST", path: "/v1/orders", body: `[]`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "unknown field", method: "POST", path: "/v1/orders", body: `{"id":"1","colour":1}`, status: 400, reason: "MALFORMED_REQUEST", field: "colour", text: `the body can't be read: unknown field "colour" (line 1, column 11)`},
		{name: "unknown field within", method: "POST", path: "/v2/orders", body: "{\"lineItems\":[{},\n {\"unitPrice\":{\"unit\":1}}]}", status: 400, reason: "MALFORMED_REQUEST", field: "order.line_items[1].unit_price.unit", text: `the body can't be read: unknown field "unit" (line 2, column 16)`},
		{name: "unknown field to patch", method: "PATCH", path: "/v2/orders/1", body: `{"colour":1}`, status: 400, reason: "MALFORMED_REQUEST", field: "order.colour"},
		{name: "wrong type", method: "POST", path: "/v1/orders", body: `{"price":"dear"}`, status: 400, reason: "MALFORMED_REQUEST", field: "price", text: `the body can't be read: invalid value for float field price: "dear" (line 1, column 10)`},
		{name: "wrong type of an element", method: "POST", path: "/v1/orders", body: `{"items":["a",2]}`, status: 400, reason: "MALFORMED_REQUEST", field: "items[1]"},
		{name: "wrong type in a map", method: "POST", path: "/v2/orders", body: `{"labels":{"a":"b","c":1}}`, status: 400, reason: "MALFORMED_REQUEST", field: `order.labels["c"]`},
		{name: "object for a list", method: "POST", path: "/v1/orders", body: `{"id":"1","items":{}}`, status: 400, reason: "MALFORMED_REQUEST", field: "items"},
		{name: "NaN", method: "POST", path: "/v1/orders", body: `{"price":NaN}`, status: 400, reason: "MALFORMED_REQUEST", field: "price"},
		{name: "integer out of range", method: "POST", path: "/v2/orders", body: `{"lineItems":[{"quantity":4294967296}]}`, status: 400, reason: "MALFORMED_REQUEST", field: "order.line_items[0].quantity"},
		{name: "unknown enum", method: "POST", path: "/v2/orders", body: `{"state":"LOST"}`, status: 400, reason: "MALFORMED_REQUEST", field: "order.state"},
		{name: "bad time", method: "POST", path: "/v2/orders", body: `{"createTime":"today"}`, status: 400, reason: "MALFORMED_REQUEST", field: "order.create_time"},
		{name: "duplicate field", method: "POST", path: "/v1/orders", body: `{"id":"1","id":"2"}`, status: 400, reason: "MALFORMED_REQUEST", field: "id"},
		{name: "duplicate field by both names", method: "POST", path: "/v2/orders", body: `{"externalId":"1","external_id":"2"}`, status: 400, reason: "MALFORMED_REQUEST", field: "order.external_id"},
		{name: "not UTF-8", method: "POST", path: "/v1/orders", body: "{\"id\":\"\xff\"}", status: 400, reason: "MALFORMED_REQUEST", field: "id"},
		{name: "empty name", method: "POST", path: "/v1/orders", body: `{"":{"a":1}}`, status: 400, reason: "MALFORMED_REQUEST"},
		{name: "deep", method: "POST", path: "/v1/orders", body: strings.Repeat("[", 900), status: 400, reason: "MALFORMED_REQUEST"},

		// query
		{name: "unknown parameter", method: "GET", path: "/v2/orders?colour=red", status: 400, reason: "MALFORMED_REQUEST", field: "colour", text: `unknown query parameter "colour"`},
		{name: "unknown parameter of a method without any", method: "GET", path: "/v1/hello/x?colour=red", status: 400, reason: "MALFORMED_REQUEST", field: "colour"},
		{name: "path field as a parameter", method: "GET", path: "/v1/orders/102?value=103", status: 400, reason: "MALFORMED_REQUEST", field: "value"},
		{name: "parameter beside a whole body", method: "POST", path: "/v1/orders?description=x", body: `{"id":"1"}`, status: 400, reason: "MALFORMED_REQUEST", field: "description"},
		{name: "parameter beside a stream", method: "POST", path: "/v1/orders:update?id=x", body: `{"id":"1"}`, status: 400, reason: "MALFORMED_REQUEST", field: "id"},
		{name: "parameter in the body", method: "POST", path: "/v2/orders?order.description=x", body: `{}`, status: 400, reason: "MALFORMED_REQUEST", field: "order.description"},
		{name: "repeated parameter", method: "GET", path: "/v2/orders?pageSize=1&pageSize=2", status: 400, reason: "MALFORMED_REQUEST", field: "pageSize", text: `the query parameter "pageSize" is repeated`},
		{name: "parameter under both names", method: "GET", path: "/v2/orders?pageSize=1&page_size=2", status: 400, reason: "MALFORMED_REQUEST", field: "page_size"},
		{name: "bad value", method: "GET", path: "/v2/orders?pageSize=abc", status: 400, reason: "MALFORMED_REQUEST", field: "pageSize", text: `the query parameter "pageSize" is not a valid int32`},
		{name: "empty value", method: "GET", path: "/v2/orders?pageSize=", status: 400, reason: "MALFORMED_REQUEST", field: "pageSize"},
		{name: "bad value beside a body", method: "POST", path: "/v2/orders?requestId.x=1", body: `{}`, status: 400, reason: "MALFORMED_REQUEST", field: "requestId.x"},
		{name: "map syntax", method: "GET", path: "/v2/orders?pageSize[a]=1", status: 400, reason: "MALFORMED_REQUEST", field: "pageSize[a]"},
		{name: "bad escape", method: "GET", path: "/v2/orders?pageToken=%zz", status: 400, reason: "MALFORMED_REQUEST"},
		{name: "semicolon", method: "GET", path: "/v2/orders?pageSize=1;pageToken=x", status: 400, reason: "MALFORMED_REQUEST"},
		{name: "value not UTF-8", method: "GET", path: "/v2/orders?pageToken=%ff", status: 400, reason: "MALFORMED_REQUEST", field: "pageToken"},
		{name: "name not UTF-8", method: "GET", path: "/v2/orders?%ff=1", status: 400, reason: "MALFORMED_REQUEST"},

		// headers
		{name: "two idempotency keys", method: "GET", path: "/v1/orders/1", header: []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, status: 400, reason: "MALFORMED_REQUEST", field: "Idempotency-Key"},
		{name: "metadata not ASCII", method: "GET", path: "/v1/orders/1", header: []string{"Grpc-Metadata-Colour", "grün"}, status: 400, reason: "MALFORMED_REQUEST", field: "Grpc-Metadata-Colour"},
		{name: "metadata not base64", method: "GET", path: "/v1/orders/1", header: []string{"Grpc-Metadata-Seal-Bin", "§"}, status: 400, reason: "MALFORMED_REQUEST", field: "Grpc-Metadata-Seal-Bin"},
		{name: "bad timeout", method: "GET", path: "/v1/orders/1", header: []string{"Grpc-Timeout", "soon"}, status: 400, reason: "MALFORMED_REQUEST", field: "Grpc-Timeout"},
		{name: "long timeout", method: "GET", path: "/v1/orders/1", header: []string{"Grpc-Timeout", "123456789S"}, status: 400, reason: "MALFORMED_REQUEST", field: "Grpc-Timeout"},
		{name: "no time", method: "GET", path: "/v1/orders/1", header: []string{"Grpc-Timeout", "0S"}, status: 504, reason: "DEADLINE_PASSED"},
		{name: "foreign page", method: "POST", path: "/v1/orders", body: `{"id":"1"}`, header: []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Content-Type", "application/x-www-form-urlencoded"}, status: 403, reason: "CROSS_ORIGIN_REFUSED"},
	}
	var called atomic.Int32
	f := &fake{
		get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { called.Add(1); return nil, nil },
		add: func(context.Context, *v1.Order) (*wrapperspb.StringValue, error) { called.Add(1); return nil, nil },
		update: func(grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
			called.Add(1)
			return nil
		},
		orders: fakeOrders{
			create: func(context.Context, *v2.CreateOrderRequest) (*v2.Order, error) { called.Add(1); return nil, nil },
			update: func(context.Context, *v2.UpdateOrderRequest) (*v2.Order, error) { called.Add(1); return nil, nil },
			remove: func(context.Context, *v2.DeleteOrderRequest) (*v2.Order, error) { called.Add(1); return nil, nil },
			list: func(context.Context, *v2.ListOrdersRequest) (*v2.ListOrdersResponse, error) {
				called.Add(1)
				return nil, nil
			},
		},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		for _, test := range cases {
			t.Run(test.name, func(t *testing.T) {
				for _, length := range []string{"known length", "unknown length"} {
					var body io.Reader
					if test.body != "" {
						body = strings.NewReader(test.body)
						if length == "unknown length" {
							body = chunked{body}
						}
					}
					got := failed(t, front.send(t, front.request(t, test.method, test.path, body, test.header...)), test.status, test.reason)
					if got.field() != test.field {
						t.Errorf("%s: field is %q, want %q: %s", length, got.field(), test.field, got.Message)
					}
					if test.text != "" && got.Message != test.text {
						t.Errorf("%s: message is %q, want %q", length, got.Message, test.text)
					}
				}
			})
		}
		if n := called.Load(); n != 0 {
			t.Errorf("the server was called %d times", n)
		}
	}, small)
}

// A length that is announced is refused before any of the body is sent.
func TestTooLargeBeforeReading(t *testing.T) {
	for _, major := range []int{1, 2} {
		front := serve(t, inProcess(t, &fake{}), major, small)
		body, writer := io.Pipe()
		r := front.request(t, "POST", "/v1/orders", body)
		r.ContentLength = smallLimit + 1
		failed(t, front.send(t, r), 413, "REQUEST_TOO_LARGE")
		_ = writer.Close()
	}
}

// What is accepted arrives as the message that was meant.
func TestAccepted(t *testing.T) {
	var got atomic.Value
	f := &fake{
		add: func(_ context.Context, in *v1.Order) (*wrapperspb.StringValue, error) {
			got.Store(in.String())
			return wrapperspb.String("Order Added: " + in.GetId()), nil
		},
		get: func(_ context.Context, in *wrapperspb.StringValue) (*v1.Order, error) {
			got.Store(in.GetValue())
			return &v1.Order{Id: in.GetValue(), Items: []string{"<a>", "b"}, Price: 1.5}, nil
		},
		orders: fakeOrders{
			create: func(_ context.Context, in *v2.CreateOrderRequest) (*v2.Order, error) {
				got.Store(in.GetOrderId() + "|" + in.GetOrder().GetDescription())
				return in.GetOrder(), nil
			},
			get: func(_ context.Context, in *v2.GetOrderRequest) (*v2.Order, error) {
				got.Store(in.GetName())
				return &v2.Order{Name: in.GetName()}, nil
			},
			list: func(_ context.Context, in *v2.ListOrdersRequest) (*v2.ListOrdersResponse, error) {
				got.Store(in.GetPageToken())
				return &v2.ListOrdersResponse{}, nil
			},
			update: func(_ context.Context, in *v2.UpdateOrderRequest) (*v2.Order, error) {
				got.Store(in.GetOrder().GetName() + "|" + strings.Join(in.GetUpdateMask().GetPaths(), ","))
				return in.GetOrder(), nil
			},
			confirm: func(_ context.Context, in *v2.ConfirmOrderRequest) (*v2.Order, error) {
				got.Store(in.GetName() + "|" + in.GetEtag())
				return &v2.Order{State: v2.Order_CONFIRMED}, nil
			},
		},
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	cases := []struct {
		name, method, path, body string
		header                   []string
		server, answer           string
	}{
		{"no content type", "POST", "/v1/orders", `{"id":"1"}`, nil, `id:"1"`, `"Order Added: 1"`},
		{"with a charset", "POST", "/v1/orders", `{"id":"1"}`, []string{"Content-Type", "application/json; charset=UTF-8"}, `id:"1"`, `"Order Added: 1"`},
		{"as curl sends it", "POST", "/v1/orders", `{"id":"1&a=b"}`, form, `id:"1&a=b"`, `"Order Added: 1&a=b"`},
		{"as curl sends it, with a query", "POST", "/v2/orders?orderId=o1", `{"description":"1&orderId=2"}`, form, `o1|1&orderId=2`, `{"description":"1&orderId=2"}`},
		{"proto names", "POST", "/v2/orders?order_id=o1", `{"external_id":"e"}`, nil, `o1|`, `{"externalId":"e"}`},
		{"compact, empty fields left out", "GET", "/v1/orders/102", "", nil, "102", `{"id":"102","items":["<a>","b"],"price":1.5}`},
		{"empty list", "GET", "/v2/orders?pageToken=a%3Bb%26c", "", nil, "a;b&c", `{}`},
		{"escaped slash", "GET", "/v1/orders/a%2Fb", "", nil, "a/b", `{"id":"a/b","items":["<a>","b"],"price":1.5}`},
		{"escaped slash, lower case", "GET", "/v1/orders/a%2fb", "", nil, "a/b", `{"id":"a/b","items":["<a>","b"],"price":1.5}`},
		{"escaped percent", "GET", "/v1/orders/a%252Fb", "", nil, "a%2Fb", `{"id":"a%2Fb","items":["<a>","b"],"price":1.5}`},
		{"escaped slash in a name", "GET", "/v2/orders/a%2Fb", "", nil, "orders/a/b", `{"name":"orders/a/b"}`},
		{"a verb that is none is the id's", "GET", "/v1/orders/a:search", "", nil, "a:search", `{"id":"a:search","items":["<a>","b"],"price":1.5}`},
		{"present fields", "PATCH", "/v2/orders/1", `{"description":"d","labels":{"a":"b"}}`, nil, "orders/1|description,labels", `{"name":"orders/1","description":"d","labels":{"a":"b"}}`},
		{"mask", "PATCH", "/v2/orders/1?updateMask=externalId,line_items", `{"description":"d"}`, form, "orders/1|external_id,line_items", `{"name":"orders/1","description":"d"}`},
		{"no body for a method of a resource", "POST", "/v2/orders/1:confirm", "", nil, "orders/1|", `{"state":"CONFIRMED"}`},
		{"a body for one", "POST", "/v2/orders/1:confirm", `{"name":"orders/2","etag":"e"}`, nil, "orders/1|e", `{"state":"CONFIRMED"}`},
		{"same origin", "POST", "/v1/orders", `{"id":"1"}`, []string{"Sec-Fetch-Site", "same-origin"}, `id:"1"`, `"Order Added: 1"`},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		for _, test := range cases {
			t.Run(test.name, func(t *testing.T) {
				a := front.ask(t, test.method, test.path, test.body, test.header...)
				if a.StatusCode != 200 || a.body != test.answer || a.Header.Get("Content-Type") != "application/json" {
					t.Errorf("answer is %d %q %q, want %q", a.StatusCode, a.Header.Get("Content-Type"), a.body, test.answer)
				}
				if got := got.Load(); got != test.server {
					t.Errorf("the server got %q, want %q", got, test.server)
				}
			})
		}
	})
}

func TestMethods(t *testing.T) {
	f := &fake{get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) {
		return &v1.Order{Id: strings.Repeat("x", 5000)}, nil
	}}
	everyWay(t, f, func(t *testing.T, front *front) {
		for path, allow := range map[string]string{
			"/v1/orders":           "POST, OPTIONS",
			"/v1/orders/102":       "GET, HEAD, OPTIONS",
			"/v1/orders:search":    "GET, OPTIONS",
			"/v1/orders:process":   "POST, OPTIONS",
			"/v2/orders":           "GET, HEAD, POST, OPTIONS",
			"/v2/orders/1":         "GET, HEAD, PATCH, DELETE, OPTIONS",
			"/v2/orders/1:confirm": "POST, OPTIONS", // and not what an order has, though its route matches too
		} {
			a := front.ask(t, "BREW", path, "")
			failed(t, a, 405, "METHOD_NOT_ALLOWED")
			if got := a.Header.Get("Allow"); got != allow {
				t.Errorf("%s: Allow is %q, want %q", path, got, allow)
			}
			a = front.ask(t, "OPTIONS", path, "")
			if a.StatusCode != 204 || a.Header.Get("Allow") != allow {
				t.Errorf("OPTIONS %s: %d, %q", path, a.StatusCode, a.Header.Get("Allow"))
			}
		}
		a := front.ask(t, "HEAD", "/v1/orders/102", "")
		if a.StatusCode != 200 || a.body != "" || a.ContentLength != 5010 {
			t.Errorf("HEAD: %d, %d bytes of body, Content-Length %d", a.StatusCode, len(a.body), a.ContentLength)
		}
		if a = front.ask(t, "HEAD", "/v1/orders:search?value=x", ""); a.StatusCode != 405 || a.Header.Get("Allow") == "" {
			t.Errorf("HEAD of a stream: %d", a.StatusCode)
		}
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			a := front.ask(t, method, "/v2/orders/1:confirm", "")
			failed(t, a, 405, "METHOD_NOT_ALLOWED")
		}
		if a = front.ask(t, "HEAD", "/v1/orders", ""); a.StatusCode != 405 {
			t.Errorf("HEAD without GET: %d", a.StatusCode)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	conn := inProcess(t, &fake{})
	for name, options := range map[string]gateway.Options{
		"no connection":               {},
		"negative limit":              {Conn: conn, MaxBodyBytes: -1},
		"negative memory":             {Conn: conn, MaxBodyMemory: -1},
		"most negative memory":        {Conn: conn, MaxBodyMemory: math.MinInt64},
		"memory for less than a body": {Conn: conn, MaxBodyMemory: gateway.DefaultMaxBodyBytes},
		"negative timeout":            {Conn: conn, StreamIdleTimeout: -1},
		"negative keep-alive":         {Conn: conn, EventKeepAlive: -1},
	} {
		if handler, err := gateway.New(options); err == nil || handler != nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A path escape that is none never reaches the handler: net/http itself refuses it.
func TestBadPathEscape(t *testing.T) {
	front := serve(t, inProcess(t, &fake{}), 1)
	if got := front.raw(t, "GET /v1/orders/%zz HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("answer is %q", got)
	}
	got := front.raw(t, "GET * HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 404 ") || !strings.Contains(got, "ROUTE_NOT_FOUND") {
		t.Errorf("answer is %q", got)
	}
}
