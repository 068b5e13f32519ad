package server_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/metadata"

	"ordermanagement/gen/helloworld"
	"ordermanagement/server"
)

// providers are whom a server may be given.
var providers = map[string]trace.TracerProvider{
	"off":         nil,
	"noop":        noop.NewTracerProvider(),
	"not sampled": sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample())),
	"sampled":     sdktrace.NewTracerProvider(sdktrace.WithSyncer(tracetest.NewNoopExporter())),
}

// call is a call in process, of a method that asks no store, with the context of a client.
func call(t testing.TB, provider trace.TracerProvider) func() {
	r := start(t, func(o *server.Options) {
		o.TracerProvider, o.Logger = provider, slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	greeter := helloworld.NewGreeterClient(r.server.Conn())
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-request-id", "one", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	request := &helloworld.HelloRequest{Name: "you"}
	return func() {
		if _, err := greeter.SayHello(ctx, request); err != nil {
			t.Fatal(err)
		}
	}
}

// Without a provider nothing is done for traces: less than one takes that makes no spans.
func TestUntracedCallsCostNothing(t *testing.T) {
	const runs = 200
	off, noop := testing.AllocsPerRun(runs, call(t, providers["off"])), testing.AllocsPerRun(runs, call(t, providers["noop"]))
	if off >= noop {
		t.Errorf("%v allocations without a provider, %v with one that does nothing", off, noop)
	}
}

func BenchmarkTracedCall(b *testing.B) {
	for _, name := range []string{"off", "noop", "not sampled", "sampled"} {
		b.Run(name, func(b *testing.B) {
			call := call(b, providers[name])
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}
