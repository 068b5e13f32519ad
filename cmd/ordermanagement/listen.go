package main

import (
	"context"
	"fmt"
	"net"

	"ordermanagement/internal/lifecycle"
)

// listeners are the open addresses of a process; nil for a part that it doesn't have.
type listeners struct {
	grpc, http, admin net.Listener
}

// listen opens every address, so that a taken one is known before anything is made or started. Nothing is accepted yet.
func (p *process) listen() (*listeners, error) {
	l := &listeners{}
	if s := p.settings.serverSettings; s != nil {
		if err := p.open("grpc-listen", s.GRPC.GRPCListen, &l.grpc); err != nil {
			return nil, err
		}
	}
	if s := p.settings.gatewaySettings; s != nil {
		if err := p.open("http-listen", s.HTTP.HTTPListen, &l.http); err != nil {
			return nil, err
		}
	}
	if address := p.settings.Admin.AdminListen; address != adminOff {
		if err := p.open("admin-listen", address, &l.admin); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (p *process) open(flag, address string, to *net.Listener) error {
	var config net.ListenConfig
	listener, err := config.Listen(p.ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --%s", err, flag)
	}
	*to = listener
	p.serving = append(p.serving, flag, listener.Addr().String())
	p.cleanups.Push(lifecycle.Cleanup{Name: "listening on " + address, Limit: closeTimeout, Stop: func(context.Context) error {
		_ = listener.Close() // its server has closed it, unless the process didn't come that far
		return nil
	}})
	return nil
}

// hosts are the addresses, apart from loopback and "every interface", under which the process can be reached.
func (l *listeners) hosts() []string {
	var hosts []string
	for _, listener := range []net.Listener{l.grpc, l.http} {
		if listener == nil {
			continue
		}
		if address, ok := listener.Addr().(*net.TCPAddr); ok && !address.IP.IsUnspecified() && !address.IP.IsLoopback() {
			hosts = append(hosts, address.IP.String())
		}
	}
	return hosts
}
