package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// healthService ends its watches when the server shuts down: they never end by themselves, and would keep it waiting.
type healthService struct {
	*health.Server
	ending context.Context
}

// Check answers the health of a service, or of all for an empty name.
func (s *healthService) Check(ctx context.Context, request *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	answer, err := s.Server.Check(ctx, request)
	if status.Code(err) == codes.NotFound {
		return nil, apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "the health of this service is not told; ask without a name for that of all").Err()
	}
	return answer, err
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
