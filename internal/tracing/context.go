// Package tracing is what the instrumentation of all layers shares: the context that travels with calls (W3C Trace
// Context), the spans of clients, the attributes of our own, and the trace in log lines. It makes no spans by itself and
// knows no exporter; that is package export, which makes the TracerProvider that the layers are given. A layer that is
// given none is not instrumented at all.
//
// No span holds a credential, a message, a path with its values, or who the caller is: traces are kept by others than
// the logs are. A span names the call's request id, and the log line of that id names the caller.
package tracing

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/metadata"
)

// The attributes of our own, beside those of OpenTelemetry's semantic conventions.
const (
	RequestIDKey = attribute.Key("ordermanagement.request_id")
	ReasonKey    = attribute.Key("ordermanagement.error.reason") // of the ErrorInfo that the caller was answered
	InProcessKey = attribute.Key("ordermanagement.in_process")
	ReceivedKey  = attribute.Key("ordermanagement.messages.received") // of a stream
	SentKey      = attribute.Key("ordermanagement.messages.sent")     // of a stream
)

// The header fields and metadata keys of https://www.w3.org/TR/trace-context/.
const (
	traceparent = "traceparent"
	tracestate  = "tracestate"
)

// Extract puts the caller's span into the context, as the parent of those that begin there. values answers all values
// of a field. A traceparent that is repeated or malformed is passed over, and the tracestate with it (W3C Trace Context,
// 3.2 and 3.3). Baggage is none of our business: it passes through to the server as it came.
func Extract(ctx context.Context, values func(key string) []string) context.Context {
	if len(values(traceparent)) != 1 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, reader(values))
}

// Inject writes the span of the context into metadata, over what a caller has put there.
func Inject(ctx context.Context, md metadata.MD) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		delete(md, tracestate) // of another span than the new traceparent
		propagation.TraceContext{}.Inject(ctx, writer(md))
	}
}

// reader is a carrier that is only read.
type reader func(key string) []string

func (r reader) Get(key string) string { return strings.Join(r(key), ",") } // RFC 9110, 5.3
func (r reader) Set(string, string)    {}
func (r reader) Keys() []string        { return nil }

// writer is a carrier that is only written.
type writer metadata.MD

func (w writer) Get(string) string     { return "" }
func (w writer) Set(key, value string) { w[key] = []string{value} }
func (w writer) Keys() []string        { return nil }
