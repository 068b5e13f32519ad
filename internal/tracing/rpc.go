package tracing

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordermanagement/internal/apierror"
)

// Method is how semantic conventions write the full name of a method: without the slash in front. It is the name of the
// method's spans.
func Method(full string) string { return strings.TrimPrefix(full, "/") }

// OtherMethod stands for all methods that the contract doesn't have, so that nobody can make up names of spans.
const OtherMethod = "_OTHER"

// EndRPC ends the span of a call with how that has ended
// (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/). faults says which codes are errors of this side. Messages may
// quote what the caller sent, so only the code and the reason are kept.
func EndRPC(span trace.Span, err error, messages *Messages, faults func(codes.Code) bool) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	st := status.Convert(statusOf(err))
	name := code.Code(st.Code()).String()
	attributes := append(make([]attribute.KeyValue, 0, 5), semconv.RPCResponseStatusCode(name))
	if err != nil {
		attributes = append(attributes, semconv.ErrorTypeKey.String(name))
		if reason, ok := apierror.Reason(st); ok {
			attributes = append(attributes, ReasonKey.String(reason.String()))
		}
		if faults(st.Code()) {
			span.SetStatus(otelcodes.Error, "")
		}
	}
	if messages != nil {
		attributes = append(attributes, ReceivedKey.Int64(messages.received.Load()), SentKey.Int64(messages.sent.Load()))
	}
	span.SetAttributes(attributes...)
}

// statusOf makes a status of the error of a context, which stands for one.
func statusOf(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	return err
}

// ServerFault says whether a code is the server's fault rather than the caller's.
func ServerFault(c codes.Code) bool {
	switch c {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	default:
		return false
	}
}

// clientFault says that to a client every failure is one.
func clientFault(codes.Code) bool { return true }

// Messages counts those of a stream, from any goroutine. Nil counts nothing.
type Messages struct{ received, sent atomic.Int64 }

// Received counts one more.
func (m *Messages) Received() {
	if m != nil {
		m.received.Add(1)
	}
}

// Sent counts one more.
func (m *Messages) Sent() {
	if m != nil {
		m.sent.Add(1)
	}
}
