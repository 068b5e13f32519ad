package main

import (
	"context"
	"errors"
	"fmt"

	"ordermanagement/internal/handshake"
)

// serveCommand runs the server and the gateway over an in-process connection.
type serveCommand struct {
	common
	serverSettings
	gatewaySettings
	issuerSettings
}

// Run runs until the process is asked to stop.
func (c *serveCommand) Run(p *program) error {
	return p.serve(&settings{common: c.common, serverSettings: &c.serverSettings, gatewaySettings: &c.gatewaySettings, issuerSettings: &c.issuerSettings})
}

// serverCommand runs the server alone.
type serverCommand struct {
	common
	serverSettings
}

// Run runs until the process is asked to stop.
func (c *serverCommand) Run(p *program) error {
	return p.serve(&settings{common: c.common, serverSettings: &c.serverSettings})
}

// gatewayCommand runs the gateway alone.
type gatewayCommand struct {
	common
	gatewaySettings
	upstreamSettings
}

// Run runs until the process is asked to stop.
func (c *gatewayCommand) Run(p *program) error {
	return p.serve(&settings{common: c.common, gatewaySettings: &c.gatewaySettings, upstreamSettings: &c.upstreamSettings})
}

// serve runs what the settings have of a server and a gateway, until the process is asked to stop or a part of it fails.
//
// Everything that can fail does so before anything is started: first the settings, then the addresses, the database, if it is not ours, and the
// files.
func (p *program) serve(s *settings) (err error) {
	if err := s.complete(p.problems); err != nil {
		return err
	}
	proc := newProcess(p, s)
	memory, source := s.Limits.limitMemory()
	proc.serving = append(proc.serving, "memory-limit", memory, "memory-limit-of", source)
	defer proc.lines.flush()
	defer func() { err = proc.stop(err) }()

	if proc.handshakes, err = handshake.New(proc.registry, proc.log); err != nil {
		return err
	}
	listeners, err := proc.listen()
	if err != nil {
		return err
	}
	if err := proc.limitConnections(listeners); err != nil {
		return err
	}
	// Stopped in the reverse order: HTTP and gRPC, admin, store, traces.
	if err := proc.openTraces(); err != nil {
		return err
	}
	database, pageTokenKey, err := proc.openDatabase()
	if err != nil {
		return err
	}
	files, err := ensureFiles(s, listeners.hosts(), proc.log)
	if err != nil {
		return err
	}
	if files.pageTokenKey == nil {
		files.pageTokenKey = pageTokenKey
	}
	var orders *orderStore
	if s.serverSettings != nil {
		if orders, err = proc.openStore(database, files); err != nil {
			return err
		}
	}
	ready, err := proc.addAdmin(listeners.admin)
	if err != nil {
		return err
	}
	issuer, err := proc.newIssuer(listeners.http, files)
	if err != nil {
		return err
	}
	var conn connection
	var admit admission
	if s.serverSettings != nil {
		callers, err := proc.addCallers(files, issuer)
		if err != nil {
			return err
		}
		server, err := proc.addServer(listeners.grpc, orders, callers, files)
		if err != nil {
			return err
		}
		conn, admit = server.Conn(), server.Admit
		ready.drain = server.Drain
		ready.check = func(ctx context.Context) error {
			return errors.Join(orders.store.Ping(ctx), callers.ready(ctx))
		}
	} else {
		client, err := proc.dial(files)
		if err != nil {
			return err
		}
		conn = client
		ready.check = client.check
	}
	if s.gatewaySettings != nil {
		if err := proc.addGateway(listeners.http, conn, admit, issuer, files); err != nil {
			return err
		}
	}
	proc.addDrain(ready)
	if _, err := fmt.Fprint(p.stdout, usageLines(s, files, listeners)); err != nil {
		return err
	}
	return proc.run()
}
