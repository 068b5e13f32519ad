package server

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
)

// ConnectionLimits bound one connection of a client (gRFC A8, A9). A zero value means the default.
type ConnectionLimits struct {
	// MaxIdle is how long a connection may be without a call, and MaxAge how long it may live, give or take a tenth, so that
	// those that came together don't go together, before the server asks the client to make a new one (GOAWAY). By their age
	// the connections of lasting clients spread over new replicas.
	MaxIdle, MaxAge time.Duration
	// AgeGrace is how long calls on a connection of that age have to end.
	AgeGrace time.Duration
	// KeepaliveInterval is after how long of silence the server asks whether the client is alive, and KeepaliveTimeout how
	// long that has to answer.
	KeepaliveInterval, KeepaliveTimeout time.Duration
	// MinPingInterval is how often the client may ask that. One that asks more often is cut off (ENHANCE_YOUR_CALM).
	MinPingInterval time.Duration
}

// DefaultConnectionLimits are the defaults.
func DefaultConnectionLimits() ConnectionLimits {
	return ConnectionLimits{
		MaxIdle: 15 * time.Minute, MaxAge: 2 * time.Hour, AgeGrace: 10 * time.Minute,
		KeepaliveInterval: time.Minute, KeepaliveTimeout: 20 * time.Second, MinPingInterval: 10 * time.Second,
	}
}

// handshakeTimeout is for TLS, and the settings of HTTP/2.
const handshakeTimeout = 10 * time.Second

func (l ConnectionLimits) withDefaults() ConnectionLimits {
	defaults := DefaultConnectionLimits()
	for _, d := range []struct{ value, otherwise *time.Duration }{
		{&l.MaxIdle, &defaults.MaxIdle}, {&l.MaxAge, &defaults.MaxAge}, {&l.AgeGrace, &defaults.AgeGrace},
		{&l.KeepaliveInterval, &defaults.KeepaliveInterval}, {&l.KeepaliveTimeout, &defaults.KeepaliveTimeout},
		{&l.MinPingInterval, &defaults.MinPingInterval},
	} {
		if *d.value == 0 {
			*d.value = *d.otherwise
		}
	}
	return l
}

func (l ConnectionLimits) options() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: l.MinPingInterval, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: l.KeepaliveInterval, Timeout: l.KeepaliveTimeout,
			MaxConnectionIdle: l.MaxIdle, MaxConnectionAge: l.MaxAge, MaxConnectionAgeGrace: l.AgeGrace,
		}),
	}
}
