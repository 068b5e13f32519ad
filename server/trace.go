package server

import (
	"context"

	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"

	"ordermanagement/internal/tracing"
)

// traced makes a span of every call, below that of its caller
// (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). The services of gRPC itself have none: balancers ask for health
// all the time.
func traced(provider trace.TracerProvider) link {
	tracer := provider.Tracer(tracing.Scope+"server", trace.WithSchemaURL(semconv.SchemaURL))
	return link{name: "trace", after: []string{"identify"}, run: func(ctx context.Context, c *call, next next) error {
		if c.method.ofGRPC {
			return next(ctx)
		}
		name := tracing.OtherMethod
		if c.method.registered {
			name = tracing.Method(c.method.full)
		}
		ctx = tracing.Extract(ctx, func(key string) []string { return metadata.ValueFromIncomingContext(ctx, key) })
		ctx, span := tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(c.began), trace.WithAttributes(
			semconv.RPCSystemNameGRPC, semconv.RPCMethod(name),
			tracing.RequestIDKey.String(c.requestID), tracing.InProcessKey.Bool(c.inProcess)))
		if c.method.kind != unaryKind {
			c.messages = &tracing.Messages{}
		}
		err := next(ctx)
		if c.rehearsal && err == nil {
			return nil // the call itself follows; a span that is not ended goes nowhere
		}
		tracing.EndRPC(span, err, c.messages, tracing.ServerFault)
		return err
	}}
}
