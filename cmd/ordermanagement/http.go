package main

import (
	"context"
	"net"

	"google.golang.org/grpc/metadata"

	"ordermanagement/gateway"
	"ordermanagement/internal/devissuer"
)

// admission asks the server of the same process whether it would take a call.
type admission = func(ctx context.Context, method string, md metadata.MD) (metadata.MD, error)

// addGateway adds the HTTP gateway.
func (p *process) addGateway(listener net.Listener, conn connection, admit admission, issuer *devissuer.Issuer, files *files) error {
	s := p.settings
	options := gateway.Options{
		Conn:              conn,
		Admit:             admit,
		Logger:            p.log,
		Registry:          p.registry,
		TracerProvider:    p.tracerProvider,
		LoopbackHostOnly:  s.exposed() != "",
		MaxBodyBytes:      s.HTTP.MaxBodyBytes,
		MaxRecordBytes:    s.HTTP.MaxRecordBytes,
		MaxBodyMemory:     s.HTTP.MaxBodyMemory,
		BodyTimeout:       s.HTTP.BodyTimeout,
		StreamIdleTimeout: s.HTTP.StreamIdleTimeout,
		WriteTimeout:      s.HTTP.WriteTimeout,
		EventKeepAlive:    s.HTTP.EventKeepAlive,
		TrustForwardedFor: s.HTTP.TrustForwardedFor,
		Origins:           s.HTTP.CORSOrigins,
		Versions:          s.Versions.APIVersions,
		Draining:          p.draining,
	}
	if issuer != nil {
		options.Issuer, options.Authorization = issuer, issuer.Authorization()
	}
	handler, err := gateway.New(options)
	if err != nil {
		return err
	}
	server := gateway.NewServer(handler, files.tls, p.log)
	server.ErrorLog = p.handshakes.HTTP()
	p.fronts = append(p.fronts, p.addHTTP("the HTTP server", server, s.Shutdown.ShutdownTimeout, func() error {
		if files.tls == nil {
			return server.Serve(listener)
		}
		return server.ServeTLS(listener, "", "")
	}))
	return nil
}
