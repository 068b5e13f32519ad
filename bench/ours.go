package main

import (
	"context"
	"errors"
	"os"
)

// oursServe is server and gateway in one process.
func oursServe(ctx context.Context, l *lab, data string) (*running, error) {
	return l.startCopy(ctx, "serve", data)
}

// oursServer is the gRPC server alone.
func oursServer(ctx context.Context, l *lab, data string) (*running, error) {
	return l.startCopy(ctx, "server", data)
}

// oursApart is the gRPC server, and the gateway in a process of its own.
func oursApart(ctx context.Context, l *lab, data string) (*running, error) {
	r, err := oursServer(ctx, l, data)
	if err != nil {
		return nil, err
	}
	return r, r.addOurs(ctx, l, "gateway", "--server-address="+r.grpc)
}

// startCopy starts the service with a copy of the template.
func (l *lab) startCopy(ctx context.Context, command, data string, more ...string) (*running, error) {
	if err := os.CopyFS(data, os.DirFS(l.template())); err != nil {
		return nil, err
	}
	r, err := l.startOurs(ctx, command, data, more...)
	if err != nil {
		return nil, err
	}
	r.credential = l.token
	return r, nil
}

// startOurs starts the service with default settings: nothing is given but where it listens and keeps its data, and what
// a row is about.
func (l *lab) startOurs(ctx context.Context, command, data string, more ...string) (*running, error) {
	r := &running{data: data}
	return r, r.addOurs(ctx, l, command, more...)
}

func (r *running) addOurs(ctx context.Context, l *lab, command string, more ...string) error {
	program, err := l.build(ctx, ".", "cmd/ordermanagement")
	if err != nil {
		return errors.Join(err, r.stop())
	}
	args, err := r.arguments(command)
	if err != nil {
		return errors.Join(err, r.stop())
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
	r.admin = append(r.admin, addresses[0])
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
