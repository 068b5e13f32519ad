package main

import (
	"net"

	"ordermanagement/gateway"
)

// addGateway adds the HTTP gateway.
func (p *process) addGateway(listener net.Listener, conn connection, files *files) error {
	s := p.settings
	handler, err := gateway.New(gateway.Options{
		Conn:              conn,
		Logger:            p.log,
		MaxBodyBytes:      s.HTTP.MaxBodyBytes,
		MaxRecordBytes:    s.HTTP.MaxRecordBytes,
		BodyTimeout:       s.HTTP.BodyTimeout,
		StreamIdleTimeout: s.HTTP.StreamIdleTimeout,
		WriteTimeout:      s.HTTP.WriteTimeout,
		TrustForwardedFor: s.HTTP.TrustForwardedFor,
	})
	if err != nil {
		return err
	}
	server := gateway.NewServer(handler, files.tls, p.log)
	p.addHTTP("the HTTP server", server, s.Shutdown.ShutdownTimeout, func() error {
		if files.tls == nil {
			return server.Serve(listener)
		}
		return server.ServeTLS(listener, "", "")
	})
	return nil
}
