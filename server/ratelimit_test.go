package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/helloworld"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/server"
)

// rarely allows three calls, and then one in a quarter of an hour: no test gets that far.
func rarely(o *server.Options) { o.Limits.Rate = server.RateLimit{PerSecond: 0.001, Burst: 3} }

// limitedCall is a way to call, with whether it then went as calls do that are let through.
type limitedCall struct {
	as     string // "" for nobody
	method string
	in     proto.Message
	code   codes.Code
	policy string
}

func limitedCalls(writer string) map[string]limitedCall {
	return map[string]limitedCall{
		"success":          {writer, pbv2.OrderService_ListOrders_FullMethodName, &pbv2.ListOrdersRequest{}, codes.OK, "caller"},
		"error":            {writer, pbv2.OrderService_GetOrder_FullMethodName, &pbv2.GetOrderRequest{Name: "orders/none"}, codes.NotFound, "caller"},
		"without scope":    {"reader-secret", pbv2.OrderService_CreateOrder_FullMethodName, &pbv2.CreateOrderRequest{}, codes.PermissionDenied, "caller"},
		"public":           {"", helloworld.Greeter_SayHello_FullMethodName, &helloworld.HelloRequest{Name: "x"}, codes.OK, "network"},
		"public, known":    {writer, helloworld.Greeter_SayHello_FullMethodName, &helloworld.HelloRequest{Name: "x"}, codes.OK, "caller"},
		"stream":           {writer, pbv1.OrderManagement_SearchOrders_FullMethodName, wrapperspb.String("none"), codes.OK, "caller"},
		"stream, no scope": {"reader-secret", pbv1.OrderManagement_UpdateOrders_FullMethodName, &pbv1.Order{Id: "1"}, codes.PermissionDenied, "caller"},
	}
}

// call makes the call, whether it streams or not, and answers its header and its error.
func (c limitedCall) call(t *testing.T, conn grpc.ClientConnInterface) (metadata.MD, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if c.as != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.as)
	}
	var header metadata.MD
	if !strings.HasSuffix(c.method, "Orders") || strings.Contains(c.method, "v2") {
		// The answer is not looked at: unknown fields of any message fit into this one.
		err := conn.Invoke(ctx, c.method, c.in, newAnswer(c.method), grpc.Header(&header))
		return header, err
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, c.method)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(c.in); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	err = stream.RecvMsg(&pbv1.Order{})
	header, _ = stream.Header()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return header, err
}

func newAnswer(method string) proto.Message {
	switch method {
	case pbv2.OrderService_ListOrders_FullMethodName:
		return &pbv2.ListOrdersResponse{}
	case helloworld.Greeter_SayHello_FullMethodName:
		return &helloworld.HelloReply{}
	default:
		return &pbv2.Order{}
	}
}

// What a caller is told is the same for every kind of call, over both connections: with what it may do, and without.
func TestCallersAreLimited(t *testing.T) {
	for _, way := range []string{"network", "in process"} {
		for name, c := range limitedCalls("writer") {
			t.Run(way+"/"+name, func(t *testing.T) {
				r := start(t, rarely)
				if c.as == "writer" {
					c.as = r.token
				}
				policy := fmt.Sprintf(`%q;q=3;w=3000`, c.policy)
				for left := 2; left >= 0; left-- {
					header, err := c.call(t, r.conns()[way])
					if status.Code(err) != c.code {
						t.Fatalf("got %v", err)
					}
					field := fmt.Sprintf(`%q;r=%d;t=`, c.policy, left)
					if first(header, "ratelimit-policy") != policy || !strings.HasPrefix(first(header, "ratelimit"), field) || header.Get("retry-after") != nil {
						t.Errorf("header %v, want %s, %s", header, policy, field)
					}
				}
				header, err := c.call(t, r.conns()[way])
				wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_RATE_LIMITED)
				if first(header, "ratelimit-policy") != policy || !strings.HasPrefix(first(header, "ratelimit"), fmt.Sprintf(`%q;r=0;t=`, c.policy)) {
					t.Errorf("header %v", header)
				}
				delay := retryDelay(err)
				if delay <= 900*time.Second || delay > 1000*time.Second || first(header, "retry-after") != fmt.Sprint(int((delay+time.Second-1)/time.Second)) {
					t.Errorf("retry after %v, header %v", delay, header.Get("retry-after"))
				}
				want := fmt.Sprintf("# HELP rate_limit_refusals_total Calls that were refused because too many have come, by what was limited: a caller or a network.\n"+
					"# TYPE rate_limit_refusals_total counter\nrate_limit_refusals_total{policy=\"caller\"} %d\nrate_limit_refusals_total{policy=\"network\"} %d\n",
					map[string]int{"caller": 1}[c.policy], map[string]int{"network": 1}[c.policy])
				if err := testutil.GatherAndCompare(r.metrics, strings.NewReader(want), "rate_limit_refusals_total"); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func first(md metadata.MD, key string) string {
	if values := md.Get(key); len(values) == 1 {
		return values[0]
	}
	return fmt.Sprintf("%q", md.Get(key))
}

func retryDelay(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return -1
}

// What one caller has used up, another one still has; and the health is told to anybody at any time.
func TestLimitsAreOfOneCaller(t *testing.T) {
	r := start(t, rarely)
	calls := limitedCalls(r.token)
	for range 4 {
		_, _ = calls["success"].call(t, r.network)
	}
	for _, other := range []string{"without scope", "public"} {
		if _, err := calls[other].call(t, r.network); status.Code(err) != calls[other].code {
			t.Errorf("%s: %v", other, err)
		}
	}
	for range 10 {
		for way, conn := range r.conns() {
			var header metadata.MD
			if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.Header(&header)); err != nil || header.Get("ratelimit") != nil {
				t.Fatalf("%s: %v, %v", way, header, err)
			}
		}
	}
	// A wrong credential is no caller's, and nobody's limit.
	for range 10 {
		_, err := limitedCall{as: "wrong", method: helloworld.Greeter_SayHello_FullMethodName, in: &helloworld.HelloRequest{}}.call(t, r.network)
		wantReason(t, err, codes.Unauthenticated, apiv1.ErrorReason_CREDENTIALS_INVALID)
	}
}

// Networks are those that a gateway tells of, where there is one.
func TestNetworksAreLimited(t *testing.T) {
	r := start(t, rarely)
	hello := func(conn grpc.ClientConnInterface, from string) error {
		_, err := helloworld.NewGreeterClient(conn).SayHello(metadata.AppendToOutgoingContext(t.Context(), "x-forwarded-for", from), &helloworld.HelloRequest{Name: "x"})
		return err
	}
	for i := range 4 {
		err := hello(r.server.Conn(), fmt.Sprintf("2001:db8::%d", i))
		if limited := status.Code(err) == codes.ResourceExhausted; limited != (i == 3) {
			t.Errorf("call %d from one network: %v", i, err)
		}
	}
	if err := hello(r.server.Conn(), "2001:db8:0:1::1"); err != nil {
		t.Errorf("from another network: %v", err)
	}
	for i := range 4 { // over the network it is what a caller says of itself
		err := hello(r.network, fmt.Sprintf("203.0.113.%d", i))
		if limited := status.Code(err) == codes.ResourceExhausted; limited != (i == 3) {
			t.Errorf("call %d of one that lies: %v", i, err)
		}
	}
}

func TestNoLimit(t *testing.T) {
	r := start(t, nil)
	var header metadata.MD
	for range 100 {
		if _, err := helloworld.NewGreeterClient(r.network).SayHello(t.Context(), &helloworld.HelloRequest{Name: "x"}, grpc.Header(&header)); err != nil || header.Get("ratelimit") != nil {
			t.Fatalf("%v, %v", header, err)
		}
	}
}

// A gateway asks first whether a call would be let through. That is no call, but one that would be refused is.
func TestAdmitDoesNotCount(t *testing.T) {
	r := start(t, rarely)
	md := metadata.Pairs("authorization", "Bearer "+r.token)
	admit := func() (metadata.MD, error) {
		return r.server.Admit(t.Context(), pbv2.OrderService_ListOrders_FullMethodName, md)
	}
	for range 3 {
		for range 5 {
			if _, err := admit(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := limitedCalls(r.token)["success"].call(t, r.server.Conn()); err != nil {
			t.Fatal(err)
		}
	}
	header, err := admit()
	wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_RATE_LIMITED)
	if first(header, "ratelimit-policy") != `"caller";q=3;w=3000` || header.Get("retry-after") == nil || retryDelay(err) <= 0 {
		t.Errorf("%v, %v", header, err)
	}
}

// Messages of a stream are held back, not refused: each takes its time.
func TestMessagesOfAStreamAreHeldBack(t *testing.T) {
	const messages, perSecond = 10, 50
	for _, way := range []string{"network", "in process"} {
		t.Run(way, func(t *testing.T) {
			r := start(t, func(o *server.Options) { o.Limits.Rate = server.RateLimit{PerSecond: perSecond, Burst: 1} })
			began := time.Now()
			stream, err := pbv1.NewOrderManagementClient(r.conns()[way]).ProcessOrders(r.as(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			for range messages {
				if err := stream.Send(wrapperspb.String("none")); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
			}
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			_, err = stream.Recv()
			if status.Code(err) != codes.NotFound {
				t.Errorf("got %v, want that of the handler", err)
			}
			// The first of them ends the stream; one beyond the burst was held back at least.
			if took := time.Since(began); took < time.Second/perSecond {
				t.Errorf("took %v", took)
			}
		})
	}
}

// A stream that is held back ends with its caller, and one that would be held back for longer than it may be idle at once.
func TestHeldBackStreamsEnd(t *testing.T) {
	for _, way := range []string{"network", "in process"} {
		t.Run(way+"/canceled", func(t *testing.T) {
			r := start(t, func(o *server.Options) { o.Limits.Rate = server.RateLimit{PerSecond: 0.01, Burst: 1} })
			ctx, cancel := context.WithCancel(r.as(t.Context()))
			defer cancel()
			stream, err := pbv1.NewOrderManagementClient(r.conns()[way]).UpdateOrders(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(&pbv1.Order{Id: "1"}); err != nil {
				t.Fatal(err)
			}
			r.awaitDebt(t)
			cancel()
			if err := stream.RecvMsg(nil); status.Code(err) != codes.Canceled {
				t.Errorf("got %v", err)
			}
			// That nothing of it goes on is what the end of the rig waits for.
		})
		t.Run(way+"/too long", func(t *testing.T) {
			r := start(t, func(o *server.Options) {
				o.Limits.Rate, o.Limits.StreamIdleTimeout = server.RateLimit{PerSecond: 0.01, Burst: 2}, time.Minute
			})
			stream, err := pbv1.NewOrderManagementClient(r.conns()[way]).UpdateOrders(r.as(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := stream.Send(&pbv1.Order{Id: "1"}); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
			}
			_, err = stream.CloseAndRecv()
			wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_RATE_LIMITED)
			if delay := retryDelay(err); delay <= time.Minute {
				t.Errorf("retry after %v", delay)
			}
		})
	}
}

// awaitDebt waits until a message is held back: calls have to wait for its turn too, of which there is one in 100 s.
func (r *rig) awaitDebt(t *testing.T) {
	t.Helper()
	md := metadata.Pairs("authorization", "Bearer "+r.token)
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, err := r.server.Admit(t.Context(), pbv2.OrderService_ListOrders_FullMethodName, md)
		if retryDelay(err) > 100*time.Second {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no message is held back: %v", err)
		}
		runtime.Gosched()
	}
}
