package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	pbv1 "ordermanagement/gen/ordermanagement/v1"
)

func TestDrainTellsHealthChecks(t *testing.T) {
	r := start(t, nil)
	check := func() healthpb.HealthCheckResponse_ServingStatus {
		t.Helper()
		answer, err := healthpb.NewHealthClient(r.network).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return answer.GetStatus()
	}
	if got := check(); got != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("before: %v", got)
	}
	r.server.Drain()
	if got := check(); got != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("while draining: %v", got)
	}
}

// Shutdown waits for a stream that ends in time, and cuts off one that doesn't, on both connections.
func TestShutdownWaitsForStreamsWithinItsBound(t *testing.T) {
	for _, way := range []string{"network", "in process"} {
		t.Run(way, func(t *testing.T) {
			r := start(t, nil)
			ctx, cancel := context.WithCancel(r.as(t.Context()))
			defer cancel()
			stream, err := pbv1.NewOrderManagementClient(r.conns()[way]).ProcessOrders(ctx)
			if err != nil {
				t.Fatal(err)
			}
			// The headers come when the handler runs.
			if _, err := stream.Header(); err != nil {
				t.Fatal(err)
			}
			short, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer stop()
			done := make(chan error, 1)
			go func() { done <- r.server.Shutdown(short) }()
			select {
			case err := <-done:
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want that it cut calls off", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("shutdown has no bound")
			}
			if _, err := stream.Recv(); err == nil {
				t.Error("the stream goes on after the end")
			}
		})
	}
}

func TestShutdownLetsAStreamFinish(t *testing.T) {
	r := start(t, nil)
	stream, err := pbv1.NewOrderManagementClient(r.network).ProcessOrders(r.as(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		done <- r.server.Shutdown(ctx)
	}()
	if err := stream.Send(wrapperspb.String("none")); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("got %v, want the answer of the handler", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A watch of the health never ends by itself; it must not keep the server from ending.
func TestShutdownEndsHealthWatches(t *testing.T) {
	r := start(t, nil)
	watch, err := healthpb.NewHealthClient(r.network).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := r.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
