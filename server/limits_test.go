package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/helloworld"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/server"
)

// A client that never sends the message of a unary call does not hold the call for ever.
func TestUnaryCallWithoutAMessageEnds(t *testing.T) {
	r := start(t, func(o *server.Options) { o.Limits.CallTimeout = 50 * time.Millisecond })
	// As a stream, so that the request need not be sent.
	stream, err := r.network.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, helloworld.Greeter_SayHello_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&helloworld.HelloReply{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}

func TestIdleStreamEnds(t *testing.T) {
	r := start(t, func(o *server.Options) { o.Limits.StreamIdleTimeout = 50 * time.Millisecond })
	stream, err := pbv1.NewOrderManagementClient(r.network).UpdateOrders(r.as(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pbv1.Order{Id: "1"}); err != nil {
		t.Fatal(err)
	}
	err = stream.RecvMsg(nil)
	wantReason(t, err, codes.DeadlineExceeded, apiv1.ErrorReason_STREAM_IDLE)
}

func TestHeadersOverTheLimit(t *testing.T) {
	r := start(t, nil)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-large", strings.Repeat("x", 128<<10))
	if _, err := helloworld.NewGreeterClient(r.network).SayHello(ctx, &helloworld.HelloRequest{}); err == nil {
		t.Error("takes headers of 128 KiB")
	}
	// The connection, or a new one, goes on.
	if _, err := helloworld.NewGreeterClient(r.network).SayHello(t.Context(), &helloworld.HelloRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
}

// The size of an error is not the caller's to choose: it travels in headers.
func TestErrorsAreBounded(t *testing.T) {
	r := start(t, nil)
	many := &pbv2.Order{CurrencyCode: "USD"}
	for range 40_000 {
		many.LineItems = append(many.LineItems, &pbv2.LineItem{})
	}
	few := &pbv2.Order{CurrencyCode: "USD", LineItems: many.GetLineItems()[:100]}
	long := &pbv2.Order{CurrencyCode: "USD", Labels: map[string]string{strings.Repeat("é", 100_000): "x"}}
	for name, conn := range r.conns() {
		for kind, o := range map[string]*pbv2.Order{"many": many, "few": few, "long": long} {
			t.Run(name+" "+kind, func(t *testing.T) {
				_, err := pbv2.NewOrderServiceClient(conn).CreateOrder(r.as(t.Context()), &pbv2.CreateOrderRequest{Order: o})
				wantReason(t, err, codes.InvalidArgument, apiv1.ErrorReason_INVALID_FIELD)
				violations := 0
				for _, detail := range status.Convert(err).Details() {
					if bad, ok := detail.(*errdetails.BadRequest); ok {
						violations = len(bad.GetFieldViolations())
					}
				}
				size := len(fmt.Sprint(status.Convert(err).Proto()))
				if size > 8<<10 || violations == 0 || kind == "few" && violations < 2 {
					t.Errorf("has %d violations and %d bytes", violations, size)
				}
			})
		}
	}
}

func TestUpdateOfTooMuchIsRefused(t *testing.T) {
	r := start(t, nil)
	stream, err := pbv1.NewOrderManagementClient(r.network).UpdateOrders(r.as(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	one := &pbv1.Order{Id: "1"}
	one.ProtoReflect().SetUnknown(append([]byte{0xfa, 0x01, 0x80, 0x80, 0xc0, 0x01}, make([]byte, 3<<20)...)) // a field 31 that v1 doesn't know
	for range 10 {
		if err := stream.Send(one); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	_, err = stream.CloseAndRecv()
	wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_REQUEST_TOO_LARGE)
}

func TestSecondMessageOfAUnaryCallIsTheClientsFault(t *testing.T) {
	r := start(t, nil)
	stream, err := r.network.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, helloworld.Greeter_SayHello_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := stream.SendMsg(&helloworld.HelloRequest{Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(&helloworld.HelloReply{}); err == nil {
		t.Error("takes two messages for one")
	}
	if text := r.log.String(); strings.Contains(text, `"level":"ERROR"`) {
		t.Errorf("an operator is told of a fault:\n%s", text)
	}
}

// What a message holds is counted before it is decoded: few bytes can become much memory.
func TestMessagesOfTooMuchAreRefused(t *testing.T) {
	r := start(t, nil)
	order := (&pbv2.Order{}).ProtoReflect().Descriptor().Fields()
	empty := func(fields protoreflect.FieldDescriptors, name protoreflect.Name, times int) []byte {
		return bytes.Repeat(append(protowire.AppendTag(nil, fields.ByName(name).Number(), protowire.BytesType), 0), times)
	}
	lines := order.ByName("line_items")
	line := protowire.AppendTag(nil, lines.Number(), protowire.BytesType)
	for name, encoded := range map[string][]byte{
		"messages": empty(order, "line_items", 100_000),
		"values":   empty(order, "name", 600_000),
		"nested":   protowire.AppendBytes(line, empty(lines.Message().Fields(), "unit_price", 60_000)),
	} {
		request := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), encoded)
		err := r.network.Invoke(r.as(t.Context()), pbv2.OrderService_CreateOrder_FullMethodName, &request, &pbv2.Order{}, grpc.ForceCodec(raw{}))
		t.Run(name, func(t *testing.T) { wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_REQUEST_TOO_LARGE) })
	}
}

// raw sends bytes as they are.
type raw struct{}

func (raw) Name() string                       { return "proto" }
func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { return proto.Unmarshal(data, v.(proto.Message)) }

// Anybody may ask for health, so what is asked must be small.
func TestHealthOfOtherServices(t *testing.T) {
	r := start(t, nil)
	for name, conn := range r.conns() {
		t.Run(name, func(t *testing.T) {
			client := healthpb.NewHealthClient(conn)
			_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "nobody"})
			wantReason(t, err, codes.NotFound, apiv1.ErrorReason_RESOURCE_NOT_FOUND)
			_, err = client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: strings.Repeat("x", 5<<10)})
			wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_REQUEST_TOO_LARGE)
			watch, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: strings.Repeat("x", 5<<10)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = watch.Recv()
			wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_REQUEST_TOO_LARGE)
		})
	}
}

// A client that doesn't read its stream does not hold the handler, and what that has read, for ever.
func TestStreamThatNobodyReadsEnds(t *testing.T) {
	r := start(t, func(o *server.Options) { o.Limits.SendTimeout = 100 * time.Millisecond })
	orders := pbv1.NewOrderManagementClient(r.network)
	for i := range 100 {
		o := &pbv1.Order{Id: fmt.Sprint(i), Items: []string{"needle"}, Description: strings.Repeat("x", 4096)}
		if _, err := orders.AddOrder(r.as(t.Context()), o); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := orders.SearchOrders(r.as(t.Context()), wrapperspb.String("needle"))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(r.log.String(), "did not take the answer in time"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the call goes on")
		}
	}
	for err = nil; err == nil; {
		_, err = stream.Recv()
	}
	wantReason(t, err, codes.DeadlineExceeded, apiv1.ErrorReason_STREAM_IDLE)
}
