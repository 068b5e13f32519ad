package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/apierror"
)

// Who is refused is refused before the body is read, with the headers of the refusal; who is admitted is called.
func TestAdmit(t *testing.T) {
	f := &fake{add: func(context.Context, *v1.Order) (*wrapperspb.StringValue, error) {
		return wrapperspb.String("added"), nil
	}}
	admit := func(o *gateway.Options) {
		o.Admit = func(_ context.Context, method string, md metadata.MD) (metadata.MD, error) {
			if method != v1.OrderManagement_AddOrder_FullMethodName {
				t.Errorf("asked for %s", method)
			}
			if len(md.Get("authorization")) == 0 {
				return metadata.Pairs("www-authenticate", "Bearer of-the-server"), apierror.New(apiv1.ErrorReason_CREDENTIALS_MISSING, "no").Err()
			}
			return nil, nil
		}
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		a := front.ask(t, "POST", "/v1/orders", `{not JSON`)
		failed(t, a, 401, "CREDENTIALS_MISSING")
		if got := a.Header.Values("WWW-Authenticate"); len(got) != 1 || got[0] != "Bearer of-the-server" {
			t.Errorf("WWW-Authenticate is %q", got)
		}
		failed(t, front.ask(t, "POST", "/v1/orders", `{not JSON`, "Authorization", "Bearer x"), 400, "MALFORMED_REQUEST")
		if a := front.ask(t, "POST", "/v1/orders", `{}`, "Authorization", "Bearer x"); a.StatusCode != 200 {
			t.Errorf("admitted, but answered %d", a.StatusCode)
		}
	}, admit)
}

// Where callers need no credential, a page can't reach the service under a name that it has made point here.
func TestLoopbackHostOnly(t *testing.T) {
	f := &fake{get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { return &v1.Order{Id: "1"}, nil }}
	everyWay(t, f, func(t *testing.T, front *front) {
		for host, status := range map[string]int{
			"localhost": 200, "LOCALHOST:8443": 200, "127.0.0.1:8443": 200, "[::1]:8443": 200, "[::1]": 200,
			"evil.example": 403, "evil.example:8443": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "0.0.0.0:8443": 403,
		} {
			r := front.request(t, http.MethodGet, "/v1/orders/1", nil)
			r.Host = host
			if a := front.send(t, r); a.StatusCode != status {
				t.Errorf("%s: %d %s", host, a.StatusCode, a.body)
			}
		}
	}, func(o *gateway.Options) { o.LoopbackHostOnly = true })
}

// A body that names another resource than the path is refused: which was meant is not ours to guess.
func TestNameInBodyAndPath(t *testing.T) {
	f := &fake{orders: fakeOrders{update: func(_ context.Context, in *v2.UpdateOrderRequest) (*v2.Order, error) { return in.GetOrder(), nil }}}
	everyWay(t, f, func(t *testing.T, front *front) {
		for body, status := range map[string]int{
			`{"name": "orders/1"}`: 200, `{}`: 200, `{"description": "x", "lineItems": []}`: 200,
			`{"name": "orders/2"}`: 400, `{"name": ""}`: 400, `{"description": "x", "name": "orders/2"}`: 400,
		} {
			if a := front.ask(t, "PATCH", "/v2/orders/1", body); a.StatusCode != status {
				t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
			}
		}
	})
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	f := &fake{get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { return &v1.Order{Id: "1"}, nil }}
	front := serve(t, inProcess(t, f), 2, func(o *gateway.Options) { o.Registry = registry })
	for _, path := range []string{"/v1/orders/1", "/v1/orders/2", "/nothing/1", "/nothing/2"} {
		front.ask(t, "GET", path, "")
	}
	const want = `# HELP http_requests_total HTTP requests that were answered.
# TYPE http_requests_total counter
http_requests_total{code="200",method="GET",route="/v1/orders/{value}"} 2
http_requests_total{code="404",method="other",route="none"} 2
`
	until(t, "the metrics", func() bool {
		return testutil.GatherAndCompare(registry, strings.NewReader(want), "http_requests_total") == nil
	})
}
