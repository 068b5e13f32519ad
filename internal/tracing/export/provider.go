// Package export makes the TracerProvider that the layers of a process are given, out of OpenTelemetry's SDK and its
// variables of the environment. Nothing of it is global: what is given no provider makes no spans.
package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// serviceName is what OTEL_SERVICE_NAME is by default.
const serviceName = "ordermanagement"

// Provider is a TracerProvider that exports. Spans wait in a bounded queue (OTEL_BSP_MAX_QUEUE_SIZE); what has no room is
// dropped, so that no call ever waits for a collector.
type Provider struct {
	trace.TracerProvider
	sdk      *sdktrace.TracerProvider
	exporter *exporter
}

// New makes the provider of a configuration that is enabled. The console is where that exporter writes; what goes wrong
// with exporting is logged when it begins and when it ends.
func New(ctx context.Context, c Config, version string, console io.Writer, log *slog.Logger) (*Provider, error) {
	var next sdktrace.SpanExporter
	var err error
	switch {
	case c.exporter == Console:
		next, err = stdouttrace.New(stdouttrace.WithWriter(console))
	case c.protocol == protocolGRPC:
		next, err = otlptracegrpc.New(ctx)
	default:
		next, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("exporter of traces: check the variables OTEL_EXPORTER_OTLP_…: %w", err)
	}
	described, err := newResource(version)
	if err != nil {
		return nil, fmt.Errorf("resource of traces: check OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	e := &exporter{SpanExporter: next, log: log}
	e.life, e.abandon = context.WithCancel(context.WithoutCancel(ctx))
	sdk := sdktrace.NewTracerProvider(sdktrace.WithResource(described), sdktrace.WithBatcher(e))
	return &Provider{TracerProvider: sdk, sdk: sdk, exporter: e}, nil
}

// Shutdown exports what waits. When the context ends first, its error tells that the rest is given up.
func (p *Provider) Shutdown(ctx context.Context) error {
	defer p.exporter.abandon()
	return p.sdk.Shutdown(ctx)
}

// exporter logs what goes wrong with another one, which the SDK would tell a global handler.
type exporter struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	failing atomic.Bool
	life    context.Context // ends with abandon
	abandon context.CancelFunc
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.life, func() { cancel(errAbandoned) })()
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && e.failing.CompareAndSwap(false, true):
		e.log.Warn("traces can't be exported, and are lost until they can; calls are not affected", "error", err)
	case err == nil && e.failing.CompareAndSwap(true, false):
		e.log.Info("traces are exported again")
	}
	return nil
}

var errAbandoned = errors.New("the process stops")

// newResource is what spans are about: this program, and what OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say, which
// win. Nothing about the machine and its user is looked up.
func newResource(version string) (*resource.Resource, error) {
	return resource.New(context.Background(),
		resource.WithAttributes(semconv.ServiceName(serviceName), semconv.ServiceVersion(version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
}
