package traces

import (
	"context"
	"fmt"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/certs"
	"ordermanagement/client"
	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
)

func TestClientTraces(t *testing.T) {
	w := serve(t)
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	for name, test := range map[string]struct {
		provider trace.TracerProvider
		call     func(context.Context, pbv1.OrderManagementClient, pbv2.OrderServiceClient) error
		code     codes.Code
		span     string // of the client; "" if it makes none
		below    string
	}{
		"unary": {provider, func(ctx context.Context, _ pbv1.OrderManagementClient, v2 pbv2.OrderServiceClient) error {
			_, err := v2.GetOrder(ctx, &pbv2.GetOrderRequest{Name: "orders/102"})
			return err
		}, codes.OK, "ordermanagement.v2.OrderService/GetOrder Unset", `
			serve: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=OK in_process=false
			  serve: internal store.orders.view
			`},
		"refused": {provider, func(ctx context.Context, _ pbv1.OrderManagementClient, v2 pbv2.OrderServiceClient) error {
			_, err := v2.GetOrder(ctx, &pbv2.GetOrderRequest{})
			return err
		}, codes.InvalidArgument, "ordermanagement.v2.OrderService/GetOrder Error", `
			serve: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=INVALID_ARGUMENT error.type=INVALID_ARGUMENT error.reason=INVALID_FIELD in_process=false
			`},
		"a stream that is given up": {provider, func(ctx context.Context, v1 pbv1.OrderManagementClient, _ pbv2.OrderServiceClient) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			stream, err := v1.ProcessOrders(ctx)
			if err != nil {
				return err
			}
			if err := stream.Send(wrapperspb.String("102")); err != nil {
				return err
			}
			cancel()
			_, err = stream.Recv()
			return err
		}, codes.Canceled, "ordermanagement.v1.OrderManagement/ProcessOrders Error", ""},
		"a program that makes none": {noop.NewTracerProvider(), func(ctx context.Context, _ pbv1.OrderManagementClient, v2 pbv2.OrderServiceClient) error {
			_, err := v2.GetOrder(ctx, &pbv2.GetOrderRequest{Name: "orders/102"})
			return err
		}, codes.OK, "", `
			serve: server ordermanagement.v2.OrderService/GetOrder rpc.response.status_code=OK in_process=false
			  serve: internal store.orders.view
			`},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := client.New(w.server.GRPC, client.TLSFiles(certs.ClientOptions{CAFile: w.server.CAFile()}), client.Token(w.server.Token(t)), client.Traces(test.provider))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			p := newParent()
			before := len(spans.Ended())
			if err := test.call(below(t, p), pbv1.NewOrderManagementClient(conn), pbv2.NewOrderServiceClient(conn)); status.Code(err) != test.code {
				t.Errorf("got %v, want %v", err, test.code)
			}
			if test.span != "" {
				await(t, "span of the client", func() bool { return len(spans.Ended()) == before+1 })
				made := spans.Ended()[before]
				if got := fmt.Sprint(made.Name(), " ", made.Status().Code); got != test.span || made.Parent().SpanID().String() != p.span {
					t.Errorf("got %s below %s, want %s", got, made.Parent().SpanID(), test.span)
				}
				p.span = made.SpanContext().SpanID().String()
			} else if n := len(spans.Ended()) - before; n != 0 {
				t.Errorf("%d spans", n)
			}
			if test.below != "" {
				w.wantTree(t, p, test.below)
			}
		})
	}
}

// below is the context of a program that has got the span of another one.
func below(t *testing.T, p parent) context.Context {
	t.Helper()
	state, err := trace.ParseTraceState("vendor=1")
	if err != nil {
		t.Fatal(err)
	}
	traceID, err := trace.TraceIDFromHex(p.trace)
	if err != nil {
		t.Fatal(err)
	}
	spanID, err := trace.SpanIDFromHex(p.span)
	if err != nil {
		t.Fatal(err)
	}
	return trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled, TraceState: state,
	}))
}
