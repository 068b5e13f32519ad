package client

import (
	"errors"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"ordermanagement/internal/tracing"
)

// Traces makes a span around every call, as OpenTelemetry's conventions describe it, and sends the context along (W3C
// Trace Context), so that the service's spans hang below the program's. The provider is that of the program's OpenTelemetry
// SDK. Of a program that makes no spans itself but has got a context, the provider of go.opentelemetry.io/otel/trace/noop
// only sends that along.
func Traces(provider trace.TracerProvider) Option { return traces{provider} }

type traces struct{ provider trace.TracerProvider }

func (t traces) apply(s *settings) error {
	if t.provider == nil {
		return errors.New("client: Traces needs a provider; leave the option out for no traces")
	}
	s.dial = append(s.dial,
		grpc.WithChainUnaryInterceptor(tracing.UnaryClient(t.provider)),
		grpc.WithChainStreamInterceptor(tracing.StreamClient(t.provider)))
	return nil
}
