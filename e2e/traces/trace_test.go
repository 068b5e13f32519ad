package traces

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
)

// request is one over HTTP, and what is traced of it.
type request struct {
	method, path, body string
	header             map[string]string
	status             int
	tree               string
}

func (w *world) play(t *testing.T, requests map[string]request) {
	for name, r := range requests {
		t.Run(name, func(t *testing.T) {
			p := newParent()
			header := map[string]string{"Traceparent": p.sampled(), "Tracestate": "vendor=1"}
			for name, value := range r.header {
				header[name] = value
			}
			if status, _ := w.ask(t, r.method, r.path, r.body, header); status != r.status {
				t.Errorf("answered %d, want %d", status, r.status)
			}
			w.wantTree(t, p, r.tree)
		})
	}
}

func TestRESTInOneProcess(t *testing.T) {
	w := serve(t)
	w.play(t, map[string]request{
		"unary": {"GET", "/v2/orders/102", "", nil, 200, `
			serve: server GET /v2/{name=orders/*} http.response.status_code=200
			  serve: client ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=OK
			    serve: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=OK in_process=true
			      serve: internal store.orders.view
			`},
		"write": {"POST", "/v2/orders?orderId=traced", `{"currencyCode":"USD","customer":{"displayName":"Ann Smith"}}`, nil, 200, `
			serve: server POST /v2/orders http.response.status_code=200
			  serve: client ordermanagement.v2.OrderService/CreateOrder rpc.response.status_code=OK
			    serve: server ordermanagement.v2.OrderService/CreateOrder rpc.response.status_code=OK in_process=true
			      serve: internal store.apply
			`},
		"stream": {"GET", "/v1/orders:search?value=Google", "", nil, 200, `
			serve: server GET /v1/orders:search http.response.status_code=200
			  serve: client ordermanagement.v1.OrderManagement/SearchOrders rpc.response.status_code=OK messages.received=2 messages.sent=1
			    serve: server ordermanagement.v1.OrderManagement/SearchOrders rpc.response.status_code=OK messages.received=1 messages.sent=2 in_process=true
			      serve: internal store.orders.list
			`},
		"what is not there": {"GET", "/v2/orders/none", "", nil, 404, `
			serve: server GET /v2/{name=orders/*} http.response.status_code=404 error.reason=RESOURCE_NOT_FOUND
			  serve: client ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=NOT_FOUND error.type=NOT_FOUND error.reason=RESOURCE_NOT_FOUND ERROR
			    serve: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=NOT_FOUND error.type=NOT_FOUND error.reason=RESOURCE_NOT_FOUND in_process=true
			      serve: internal store.orders.view
			`},
		"refused before the body is read": {"POST", "/v2/orders", `{}`, map[string]string{"Authorization": "Bearer wrong-secret"}, 401, `
			serve: server POST /v2/orders http.response.status_code=401 error.reason=CREDENTIALS_INVALID
			  serve: server ordermanagement.v2.OrderService/CreateOrder rpc.response.status_code=UNAUTHENTICATED error.type=UNAUTHENTICATED error.reason=CREDENTIALS_INVALID in_process=true
			`},
		"refused by the gateway": {"GET", "/v2/orders/102?nothing=1", "", nil, 400, `
			serve: server GET /v2/{name=orders/*} http.response.status_code=400 error.reason=MALFORMED_REQUEST
			`},
		"no route": {"GET", "/nowhere", "", nil, 404, `
			serve: server GET http.response.status_code=404 error.reason=ROUTE_NOT_FOUND
			`},
		"no time": {"GET", "/v2/orders/102", "", map[string]string{"Grpc-Timeout": "0S"}, 504, `
			serve: server GET /v2/{name=orders/*} http.response.status_code=504 error.type=504 error.reason=DEADLINE_PASSED ERROR
			`},
	})
	// Who calls, with what and about whom is nobody's business who reads traces.
	sent := w.all()
	for _, secret := range []string{w.server.Token(t), "wrong-secret", "Ann Smith", "orders/102", "none", "nowhere", "127.0.0.1"} {
		if strings.Contains(sent, secret) {
			t.Errorf("the spans hold %q", secret)
		}
	}
}

func TestRESTThroughAGateway(t *testing.T) {
	apart(t).play(t, map[string]request{
		"unary": {"GET", "/v2/orders/102", "", nil, 200, `
			gateway: server GET /v2/{name=orders/*} http.response.status_code=200
			  gateway: client ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=OK
			    server: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=OK in_process=false
			      server: internal store.orders.view
			`},
		"stream": {"POST", "/v1/orders:process", "\"102\"\n\"103\"\n", map[string]string{"Content-Type": "application/x-ndjson"}, 200, `
			gateway: server POST /v1/orders:process http.response.status_code=200
			  gateway: client ordermanagement.v1.OrderManagement/ProcessOrders rpc.response.status_code=OK messages.received=2 messages.sent=2
			    server: server ordermanagement.v1.OrderManagement/ProcessOrders rpc.response.status_code=OK messages.received=2 messages.sent=2 in_process=false
			      server: internal store.orders.get_many
			      server: internal store.apply
			`},
		"refused": {"POST", "/v2/orders", `{"currencyCode":"USD"}`, map[string]string{"Authorization": "Bearer wrong-secret"}, 401, `
			gateway: server POST /v2/orders http.response.status_code=401 error.reason=CREDENTIALS_INVALID
			  gateway: client ordermanagement.v2.OrderService/CreateOrder rpc.response.status_code=UNAUTHENTICATED error.type=UNAUTHENTICATED error.reason=CREDENTIALS_INVALID ERROR
			    server: server ordermanagement.v2.OrderService/CreateOrder rpc.response.status_code=UNAUTHENTICATED error.type=UNAUTHENTICATED error.reason=CREDENTIALS_INVALID in_process=false
			`},
	})
}

func TestGRPC(t *testing.T) {
	w := serve(t)
	conn := w.server.Dial(t)
	for name, test := range map[string]struct {
		call func(context.Context) error
		code codes.Code
		tree string
	}{
		"unary": {func(ctx context.Context) error {
			_, err := pbv2.NewOrderServiceClient(conn).GetOrder(ctx, &pbv2.GetOrderRequest{Name: "orders/102"})
			return err
		}, codes.OK, `
			serve: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=OK in_process=false
			  serve: internal store.orders.view
			`},
		"stream": {func(ctx context.Context) error {
			stream, err := pbv1.NewOrderManagementClient(conn).SearchOrders(ctx, wrapperspb.String("Google"))
			for err == nil {
				_, err = stream.Recv()
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}, codes.OK, `
			serve: server ordermanagement.v1.OrderManagement/SearchOrders rpc.response.status_code=OK messages.received=1 messages.sent=2 in_process=false
			  serve: internal store.orders.list
			`},
		"refused": {func(ctx context.Context) error {
			_, err := pbv2.NewOrderServiceClient(conn).GetOrder(ctx, &pbv2.GetOrderRequest{})
			return err
		}, codes.InvalidArgument, `
			serve: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=INVALID_ARGUMENT error.type=INVALID_ARGUMENT error.reason=INVALID_FIELD in_process=false
			`},
		"what nobody has registered": {func(ctx context.Context) error {
			return conn.Invoke(ctx, "/made.Up/Method", &emptypb.Empty{}, &emptypb.Empty{}, grpc.WaitForReady(true))
		}, codes.Unimplemented, `
			serve: server _OTHER rpc.response.status_code=UNIMPLEMENTED error.type=UNIMPLEMENTED error.reason=METHOD_UNKNOWN messages.received=0 messages.sent=0 in_process=false ERROR
			`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParent()
			ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", p.sampled(), "tracestate", "vendor=1")
			if err := test.call(ctx); status.Code(err) != test.code {
				t.Errorf("got %v, want %v", err, test.code)
			}
			w.wantTree(t, p, test.tree)
		})
	}
}
