package main

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"ordermanagement/bench/process"
)

// running is a contestant that is running.
type running struct {
	processes  []*process.Process
	grpc, http string       // addresses of its listeners, if it has them
	data       string       // its data directory
	token      string       // for its HTTP API, if it has made one
	keys       atomic.Int64 // how many keys clients have used; none may come again
}

// A starter starts a contestant with a new data directory, which does not exist yet.
type starter func(ctx context.Context, l *lab, data string) (*running, error)

// start starts a contestant.
func (l *lab) start(ctx context.Context, s starter) (*running, error) {
	return s(ctx, l, l.newPath(".data"))
}

// stop stops the processes, the first to be called first.
func (r *running) stop() error {
	var errs []error
	for i := len(r.processes) - 1; i >= 0; i-- {
		errs = append(errs, r.processes[i].Stop())
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

// startOurs starts the service with default settings: nothing is given but where it listens and keeps its data.
func (l *lab) startOurs(ctx context.Context, command, data string, more ...string) (*running, error) {
	program, err := l.build(ctx, ".", "cmd/ordermanagement")
	if err != nil {
		return nil, err
	}
	r := &running{data: data}
	return r, r.addOurs(ctx, l, program, command, more...)
}

func (r *running) addOurs(ctx context.Context, l *lab, program, command string, more ...string) error {
	args, err := r.arguments(command)
	if err != nil {
		return err
	}
	address := r.http
	if command == "server" {
		address = r.grpc
	}
	return r.add(ctx, l, address, program, append(args, more...)...)
}

// arguments are those of the service, with addresses that nobody listens on.
func (r *running) arguments(command string) ([]string, error) {
	addresses, err := freeAddresses(3)
	if err != nil {
		return nil, err
	}
	args := []string{command, "--data-dir=" + r.data, "--admin-listen=" + addresses[0]}
	if command != "gateway" {
		r.grpc = addresses[1]
		args = append(args, "--grpc-listen="+r.grpc)
	}
	if command != "server" {
		r.http = addresses[2]
		args = append(args, "--http-listen="+r.http)
	}
	return args, nil
}

// oursServe is server and gateway in one process.
func oursServe(ctx context.Context, l *lab, data string) (*running, error) {
	if err := os.CopyFS(data, os.DirFS(l.template())); err != nil {
		return nil, err
	}
	return l.startOurs(ctx, "serve", data)
}

// oursServer is the gRPC server alone.
func oursServer(ctx context.Context, l *lab, data string) (*running, error) {
	if err := os.CopyFS(data, os.DirFS(l.template())); err != nil {
		return nil, err
	}
	return l.startOurs(ctx, "server", data)
}

// oursApart is the gRPC server, and the gateway in a process of its own.
func oursApart(ctx context.Context, l *lab, data string) (*running, error) {
	r, err := oursServer(ctx, l, data)
	if err != nil {
		return nil, err
	}
	program, err := l.build(ctx, ".", "cmd/ordermanagement")
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, r.addOurs(ctx, l, program, "gateway", "--server-address="+r.grpc)
}

// addPeer starts a peer program of peers/ with its common flags.
func (r *running) addPeer(ctx context.Context, l *lab, name, address, orderFile string, more ...string) error {
	program, err := l.build(ctx, "bench", "peers/"+name)
	if err != nil {
		return errors.Join(err, r.stop())
	}
	args := append(l.certificateFlags(), "-ca="+l.certificate("ca.crt"), "-listen="+address, "-order="+orderFile)
	return r.add(ctx, l, address, program, append(args, more...)...)
}

// bareGRPC is grpc-go and nothing else.
func bareGRPC(ctx context.Context, l *lab, _ string) (*running, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	r := &running{grpc: addresses[0]}
	return r, r.addPeer(ctx, l, "bare", r.grpc, l.orderPB)
}

// stockGateway is grpc-gateway as it comes, in front of bareGRPC.
func stockGateway(ctx context.Context, l *lab, data string) (*running, error) {
	r, err := bareGRPC(ctx, l, data)
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, errors.Join(err, r.stop())
	}
	r.http = addresses[0]
	return r, r.addPeer(ctx, l, "stockgateway", r.http, "", "-server="+r.grpc)
}

// canned is net/http that sends the bytes of our answer.
func canned(ctx context.Context, l *lab, _ string) (*running, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	r := &running{http: addresses[0]}
	return r, r.addPeer(ctx, l, "canned", r.http, l.orderDoc)
}

// transcoder is vanguard in front of grpc-go, in one process.
func transcoder(ctx context.Context, l *lab, _ string) (*running, error) {
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	r := &running{http: addresses[0]}
	return r, r.addPeer(ctx, l, "vanguard", r.http, l.orderPB)
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
