package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// healthTimeout bounds how long the server may take to say how it is; one that takes longer can't serve.
const healthTimeout = 2 * time.Second

// health answers how the server behind the gateway is, by the grpc.health.v1 protocol: 200 and the answer of its Check
// in JSON, {"status":"SERVING"}; for any other status, or none, 503 in the shape of every error, with the reason
// SERVICE_UNAVAILABLE. It is for load balancers that see the public listener only; the admin listener tells how the
// process itself is.
func (g *gateway) health() http.Handler {
	client := healthpb.NewHealthClient(g.Conn)
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		c.called = true // so that the log takes it for one of the calls that the server logs
		ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(r.Context(), metadata.Pairs("x-request-id", c.id)), healthTimeout)
		defer cancel()
		answer, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
		c.w.Header().Set("Cache-Control", "no-store")
		if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
			c.w.writeError(notServing())
			return
		}
		body, err := codec{}.Marshal(answer)
		if err != nil {
			c.w.writeError(apierror.Normalize(err))
			return
		}
		c.w.Header().Set("Content-Type", typeJSON)
		c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = c.w.Write(body)
	})
}

func notServing() *status.Status {
	return apierror.New(apiv1.ErrorReason_SERVICE_UNAVAILABLE, "the server does not take calls now; try again",
		apierror.RetryAfter(apierror.RetryDelay))
}
