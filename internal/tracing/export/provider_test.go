package export_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordermanagement/internal/tracing/export"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A collector that hangs leaves nothing running behind Shutdown: TestMain looks for that.
func TestShutdownGivesUp(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0") // whose connections nobody accepts
			if err != nil {
				t.Fatal(err)
			}
			clean(t, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + listener.Addr().String(), "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
				"OTEL_EXPORTER_OTLP_TIMEOUT": "600000", "OTEL_BSP_EXPORT_TIMEOUT": "600000",
			})
			config, err := export.FromEnvironment("")
			if err != nil {
				t.Fatal(err)
			}
			provider, err := export.New(t.Context(), config, "test", nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			_, span := provider.Tracer("test").Start(t.Context(), "span")
			span.End()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := provider.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			// What is sent at last finds the connection closed, not waiting for an answer.
			if err := listener.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
