package main

import (
	"context"
	"errors"
	"sync/atomic"

	"google.golang.org/grpc"

	"ordermanagement/client"
)

// How many connections a gateway has to its server, for unary calls and for streams. A server takes only so many calls at a
// time on each (--max-concurrent-streams), and what comes beyond waits: streams, which may be idle for minutes, must not
// take the places of calls.
const (
	unaryConnections  = 4
	streamConnections = 4
)

// upstream is how a gateway reaches the server of another process.
type upstream struct {
	unary, streams []*grpc.ClientConn
	called, begun  atomic.Uint64
}

var _ grpc.ClientConnInterface = (*upstream)(nil)

// newUpstream makes connections to the target; they connect with the first calls.
func newUpstream(target string, options ...client.Option) (*upstream, error) {
	u := &upstream{}
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
