package tracing_test

import (
	"bytes"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"ordermanagement/internal/tracing"
)

func TestLogHandler(t *testing.T) {
	var out bytes.Buffer
	plain := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	log := slog.New(tracing.LogHandler(plain)).With("a", 1)
	log.InfoContext(t.Context(), "without")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: [16]byte{1}, SpanID: [8]byte{2}}))
	log.InfoContext(ctx, "with", "b", 2)
	want := "level=INFO msg=without a=1\nlevel=INFO msg=with a=1 b=2 trace_id=01000000000000000000000000000000 span_id=0200000000000000\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}
