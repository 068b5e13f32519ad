package main

import (
	"context"
	"errors"
	"net"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/internal/lifecycle"
	"ordermanagement/server"
)

// connection is how the gateway reaches the server: in this process, or over the network.
type connection = grpc.ClientConnInterface

// addServer adds the gRPC server.
func (p *process) addServer(listener net.Listener, orders *orderStore, callers *callers, files *files) (*server.Server, error) {
	s := p.settings
	srv, err := server.New(server.Options{
		Orders:         orders.service,
		Authenticator:  callers,
		TrustedGateway: callers.gateway,
		PageTokenKey:   files.pageTokenKey,
		Logger:         p.log,
		Registry:       p.registry,
		TracerProvider: p.tracerProvider,
		V1: server.V1{
			Enabled:     slices.Contains(s.Versions.APIVersions, versionV1),
			Currency:    s.API.V1Currency,
			Location:    s.API.V1Location,
			Deprecation: s.API.V1Deprecation.Time,
			Sunset:      s.API.V1Sunset.Time,
			Successor:   s.API.V1Successor,
		},
		Reflection: s.GRPC.Reflection,
		TLS:        files.tls,
		Handshakes: p.handshakes,
		Limits:     s.limits(),
	})
	if err != nil {
		return nil, err
	}
	p.tasks = append(p.tasks, func(context.Context) error { return srv.Serve(listener) })
	// The calls within the process end with those of HTTP, before this.
	p.cleanups.Push(lifecycle.Cleanup{Name: "calls in process", Limit: closeTimeout, Stop: srv.Shutdown})
	p.fronts = append(p.fronts, lifecycle.Cleanup{Name: "the gRPC server", Limit: s.Shutdown.ShutdownTimeout, Stop: srv.StopNetwork})
	return srv, nil
}

// dial makes the connections of a gateway to servers in other processes.
func (p *process) dial(files *files) (*upstream, error) {
	u := p.settings.Upstream
	security := client.Plaintext()
	if p.settings.tls() {
		security = client.TLSFiles(certs.ClientOptions{
			CAFile: files.serverCA, CertFile: files.gatewayCert, KeyFile: files.gatewayKey, ServerName: u.ServerName,
			MinVersion: minVersion(p.settings.TLS), Logger: p.log,
		})
	}
	conn, err := newUpstream(u.ServerAddress, security)
	if err != nil {
		return nil, err
	}
	p.cleanups.Push(lifecycle.Cleanup{Name: "the connections to the servers", Limit: closeTimeout, Stop: func(context.Context) error {
		return conn.close()
	}})
	return conn, nil
}

// serverHealth asks whether the server on the other side of a connection serves.
func serverHealth(ctx context.Context, health grpc_health_v1.HealthClient) error {
	answer, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err == nil && answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		err = errors.New("the server reports " + answer.GetStatus().String())
	}
	return err
}
