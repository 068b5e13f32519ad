package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"ordermanagement/client"
)

// How many connections a gateway has to its server, for unary calls and for streams. A server takes only so many calls at a
// time on each (--max-concurrent-streams), and what comes beyond waits: streams, which may be idle for minutes, must not
// take the places of calls.
const (
	unaryConnections  = 4
	streamConnections = 4
)

// How a gateway notices a server that hangs, after some fifteen seconds, and one that is back. grpc-go takes no shorter interval,
// and servers no shorter one by default (--min-ping-interval).
const (
	upstreamKeepaliveInterval = 10 * time.Second
	upstreamKeepaliveTimeout  = 5 * time.Second
	upstreamConnectTimeout    = 5 * time.Second
	upstreamMaxBackoff        = 5 * time.Second
)

// dnsScheme is that of a target whose addresses are servers. A plain HOST:PORT is a server or a balancer, which chooses.
const dnsScheme = "dns:///"

// upstream is how a gateway reaches the server of another process, or several that have the same database.
type upstream struct {
	balanced       bool // between servers, whose health is watched
	unary, streams []*grpc.ClientConn
	called, begun  atomic.Uint64
}

var _ grpc.ClientConnInterface = (*upstream)(nil)

// newUpstream makes connections to the target; they connect with the first calls.
func newUpstream(target string, options ...client.Option) (*upstream, error) {
	u := &upstream{balanced: strings.HasPrefix(target, dnsScheme) || strings.Contains(target, ",")}
	options = append(options, client.Dial(
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: upstreamKeepaliveInterval, Timeout: upstreamKeepaliveTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect(), MinConnectTimeout: upstreamConnectTimeout}),
	))
	if u.balanced {
		options = append(options, client.Balanced())
	}
	for _, kind := range []struct {
		connections *[]*grpc.ClientConn
		count       int
	}{{&u.unary, unaryConnections}, {&u.streams, streamConnections}} {
		for range kind.count {
			conn, err := client.New(target, options...)
			if err != nil {
				return nil, errors.Join(err, u.close())
			}
			*kind.connections = append(*kind.connections, conn)
		}
	}
	return u, nil
}

// reconnect is grpc-go's own, but doesn't leave a server alone for minutes after it is back.
func reconnect() backoff.Config {
	c := backoff.DefaultConfig
	c.MaxDelay = upstreamMaxBackoff
	return c
}

// check says whether there is a server that serves. With several, their health is watched already: a call could meet the
// one that hangs and has not been noticed yet.
func (u *upstream) check(ctx context.Context) error {
	if !u.balanced {
		return serverHealth(ctx, grpc_health_v1.NewHealthClient(u))
	}
	for conn := u.unary[0]; ; {
		switch state := conn.GetState(); state {
		case connectivity.Ready:
			return nil
		case connectivity.TransientFailure, connectivity.Shutdown:
			return errors.New("no server is reached that serves")
		default:
			conn.Connect() // it may be idle
			if !conn.WaitForStateChange(ctx, state) {
				return ctx.Err()
			}
		}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (u *upstream) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	return turn(u.unary, &u.called).Invoke(ctx, method, args, reply, options...)
}

// NewStream implements grpc.ClientConnInterface.
func (u *upstream) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return turn(u.streams, &u.begun).NewStream(ctx, desc, method, options...)
}

// turn is the connection whose turn it is.
func turn(connections []*grpc.ClientConn, calls *atomic.Uint64) *grpc.ClientConn {
	return connections[calls.Add(1)%uint64(len(connections))]
}

func (u *upstream) close() error {
	var errs []error
	for _, conn := range append(u.unary, u.streams...) {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}
