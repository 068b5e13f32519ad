package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"ordermanagement/bench/callers"
	"ordermanagement/bench/load"
	"ordermanagement/bench/process"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// running is a contestant that is running.
type running struct {
	processes  []*process.Process
	grpc, http string                   // addresses of its listeners, if it has them
	admin      []string                 // of ours: where each process offers profiles
	data       string                   // its data directory
	database   *database                // of PostgreSQL, if it has one
	order      *ordermanagementv2.Order // that is in it, if it has one; else that of the template
	credential                          // of its clients
	world      *callers.World           // of a server that knows callers of every kind
	keys       atomic.Int64             // how many keys clients have used; none may come again
}

// A credential is how clients make themselves known to a contestant; zero is that of nobody.
type credential struct {
	authorization string            // the header's value
	certificates  []tls.Certificate // of their connections
}

// header is that of the HTTP requests with the credential.
func (c credential) header() map[string]string {
	header := make(map[string]string)
	if c.authorization != "" {
		header["Authorization"] = c.authorization
	}
	return header
}

// tls is that of the connections with the credential.
func (c credential) tls(l *lab) *tls.Config {
	config := l.tls.Clone()
	config.Certificates = c.certificates
	return config
}

// callsPerConnection is how many gRPC clients share a connection, as the parts of one program do.
const callsPerConnection = 8

// dialGRPC connects clients over gRPC.
func (r *running) dialGRPC(l *lab, clients int) (*load.GRPC, error) {
	return load.NewGRPC(r.grpc, r.tls(l), (clients+callsPerConnection-1)/callsPerConnection)
}

// dialHTTP connects clients over HTTP.
func (r *running) dialHTTP(l *lab, clients int) *load.HTTP {
	return load.NewHTTP(r.http, r.tls(l), clients)
}

// A starter starts a contestant with a new data directory, which does not exist yet.
type starter func(ctx context.Context, l *lab, data string) (*running, error)

// start starts a contestant.
func (l *lab) start(ctx context.Context, s starter) (*running, error) {
	return s(ctx, l, l.newPath(".data"))
}

// server is the last process to be started, which is ours.
func (r *running) server() *process.Process { return r.processes[len(r.processes)-1] }

// stop stops the processes, the first to be called first.
func (r *running) stop() error {
	var errs []error
	for i := len(r.processes) - 1; i >= 0; i-- {
		errs = append(errs, r.processes[i].Stop())
	}
	if r.database != nil {
		errs = append(errs, r.database.drop())
	}
	return errors.Join(errs...)
}

// cpu is what all processes of the contestant have used so far.
func (r *running) cpu() (sum time.Duration, err error) {
	for _, p := range r.processes {
		used, err := p.CPU()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// add starts one more process of the contestant, and waits until it listens on the address. When that fails the
// contestant is stopped.
func (r *running) add(ctx context.Context, l *lab, address, program string, args ...string) error {
	p, err := process.Start(l.newPath(".log"), program, args...)
	if err != nil {
		return errors.Join(err, r.stop())
	}
	ctx, cancel := context.WithTimeout(ctx, process.StartLimit)
	defer cancel()
	err = p.Await(ctx, 5*time.Millisecond, func() error {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return connection.Close()
	})
	if err != nil {
		p.Kill()
		return errors.Join(err, r.stop())
	}
	r.processes = append(r.processes, p)
	return nil
}

// freeAddresses are addresses of this machine that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // at the end, so that they differ
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
