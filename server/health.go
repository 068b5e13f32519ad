package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// healthService ends its watches when the server shuts down: they never end by themselves, and would keep it waiting.
type healthService struct {
	*health.Server
	ending context.Context
}

// Watch streams the health of a service until the watcher leaves or the server shuts down.
func (s *healthService) Watch(request *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	stop := context.AfterFunc(s.ending, cancel)
	defer stop()
	return s.Server.Watch(request, &watch{stream, ctx})
}

type watch struct {
	grpc.ServerStreamingServer[healthpb.HealthCheckResponse]
	ctx context.Context
}

func (w *watch) Context() context.Context { return w.ctx }
