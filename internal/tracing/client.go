package tracing

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/fullstorydev/grpchan"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Scope names the instrumentation: what stands in front of the folder of a layer.
const Scope = "ordermanagement/"

// Conn makes a span around every call over the connection, to another process or within this one, and sends it along.
func Conn(conn grpc.ClientConnInterface, provider trace.TracerProvider) grpc.ClientConnInterface {
	return grpchan.InterceptClientConn(conn, UnaryClient(provider), StreamClient(provider))
}

// UnaryClient makes a span around every unary call and sends it along.
func UnaryClient(provider trace.TracerProvider) grpc.UnaryClientInterceptor {
	tracer := clientTracer(provider)
	return func(ctx context.Context, method string, request, response any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		ctx, span := startClient(ctx, tracer, method)
		err := invoke(ctx, method, request, response, conn, options...)
		EndRPC(span, err, nil, clientFault)
		return err
	}
}

// StreamClient makes one span around every stream and sends it along. The span ends with the stream: with its status, or
// with its context, as a stream that is not read to its end must be ended.
func StreamClient(provider trace.TracerProvider) grpc.StreamClientInterceptor {
	tracer := clientTracer(provider)
	return func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, begin grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		ctx, span := startClient(ctx, tracer, method)
		s := &clientStream{span: span, many: desc.ServerStreams}
		stream, err := begin(ctx, desc, conn, method, options...)
		if err != nil {
			s.end(err)
			return nil, err
		}
		s.ClientStream = stream
		context.AfterFunc(ctx, func() { s.end(ctx.Err()) })
		return s, nil
	}
}

func clientTracer(provider trace.TracerProvider) trace.Tracer {
	return provider.Tracer(Scope+"client", trace.WithSchemaURL(semconv.SchemaURL))
}

func startClient(ctx context.Context, tracer trace.Tracer, method string) (context.Context, trace.Span) {
	name := Method(method)
	ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(semconv.RPCSystemNameGRPC, semconv.RPCMethod(name)))
	md, ok := metadata.FromOutgoingContext(ctx) // a copy
	if !ok {
		md = metadata.MD{}
	}
	Inject(ctx, md)
	return metadata.NewOutgoingContext(ctx, md), span
}

// clientStream ends its span when it ends.
type clientStream struct {
	grpc.ClientStream
	span     trace.Span
	many     bool // the server streams
	messages Messages
	once     sync.Once
}

func (s *clientStream) end(err error) {
	s.once.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		EndRPC(s.span, err, &s.messages, clientFault)
	})
}

func (s *clientStream) SendMsg(message any) error {
	err := s.ClientStream.SendMsg(message)
	if err == nil {
		s.messages.Sent()
	}
	return err // io.EOF is for RecvMsg to explain
}

func (s *clientStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if err == nil {
		s.messages.Received()
	}
	if err != nil || !s.many {
		s.end(err)
	}
	return err
}
