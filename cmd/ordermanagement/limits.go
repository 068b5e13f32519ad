package main

import (
	"errors"
	"math"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/dustin/go-humanize"

	"ordermanagement/internal/connlimit"
	"ordermanagement/server"
)

const (
	// minMemoryLimit is what an idle process needs about twice; with less it would do little but collect garbage.
	minMemoryLimit = 32 << 20
	// memoryShare is the part of a cgroup's memory for the Go runtime: the rest is for what it doesn't count, such as the
	// pages of the database.
	memoryShare = 0.9
	minRate     = 0.001 // calls a second
)

func (s *limitSettings) check(p *problems) {
	checkRange(p, "max-connections", s.MaxConnections, 1, maxConnections)
	if s.MemoryLimit == auto || s.MemoryLimit == off {
		return
	}
	if bytes, err := s.memory(); err != nil || bytes < minMemoryLimit {
		p.report("memory-limit", "%q is neither auto, off nor a number of bytes of at least %s, e.g. 512MiB", s.MemoryLimit, humanize.IBytes(minMemoryLimit))
	}
}

// memory is the limit that was given, in bytes.
func (s *limitSettings) memory() (int64, error) {
	bytes, err := humanize.ParseBytes(s.MemoryLimit)
	if err != nil {
		return 0, err
	}
	return int64(min(bytes, math.MaxInt64)), nil
}

func (s *rateSettings) check(p *problems) {
	if s.RateLimit != 0 {
		checkRange(p, "rate-limit", s.RateLimit, minRate, maxRate)
	}
	checkRange(p, "rate-burst", s.RateBurst, 0, maxRate)
	if s.RateLimit == 0 && s.RateBurst != 0 {
		p.report("rate-burst", "would not be used without --rate-limit; take it out, or give both")
	}
}

func (s *connectionSettings) check(p *problems) {
	checkRange(p, "max-connection-idle", s.MaxConnectionIdle, time.Millisecond, maxTimeout)
	checkRange(p, "max-connection-age", s.MaxConnectionAge, time.Millisecond, maxTimeout)
	checkRange(p, "max-connection-age-grace", s.MaxConnectionAgeGrace, time.Millisecond, maxTimeout)
	checkRange(p, "keepalive-interval", s.KeepaliveInterval, time.Second, maxTimeout) // grpc-go takes no less
	checkRange(p, "keepalive-timeout", s.KeepaliveTimeout, time.Millisecond, maxTimeout)
	checkRange(p, "min-ping-interval", s.MinPingInterval, time.Millisecond, maxTimeout)
}

// limits are those of the gRPC server.
func (s *serverSettings) limits() server.Limits {
	c := s.Conns
	return server.Limits{
		MessageBytes:      s.GRPC.MaxMessageBytes,
		ConcurrentStreams: s.GRPC.MaxConcurrentStreams,
		CallTimeout:       s.GRPC.CallTimeout,
		Rate:              server.RateLimit{PerSecond: s.Rate.RateLimit, Burst: s.Rate.RateBurst},
		Connection: server.ConnectionLimits{
			MaxIdle: c.MaxConnectionIdle, MaxAge: c.MaxConnectionAge, AgeGrace: c.MaxConnectionAgeGrace,
			KeepaliveInterval: c.KeepaliveInterval, KeepaliveTimeout: c.KeepaliveTimeout, MinPingInterval: c.MinPingInterval,
		},
	}
}

// limitConnections puts the limit of connections on the listeners of callers. That of the admin server has none: who must
// look at an overloaded process has to get through.
func (p *process) limitConnections(l *listeners) error {
	limits, err := connlimit.New(p.registry, p.log)
	if err != nil {
		return err
	}
	for name, listener := range map[string]*net.Listener{"grpc": &l.grpc, "http": &l.http} {
		if tcp, ok := (*listener).(*net.TCPListener); ok {
			*listener = limits.Listen(tcp, name, p.settings.Limits.MaxConnections)
		}
	}
	return nil
}

// limitMemory tells the Go runtime how much memory there is, and answers for the log what its limit is and who says so. A
// cgroup that can't be read limits nothing: that there is one is a guess.
func (s *limitSettings) limitMemory() (limit, source string) {
	source = s.MemoryLimit
	switch given, set := os.LookupEnv("GOMEMLIMIT"); {
	case set:
		source = "GOMEMLIMIT=" + given
	case s.MemoryLimit == auto:
		source = "cgroup"
		_, err := memlimit.Set(memlimit.WithProvider(memlimit.FromCgroup), memlimit.WithRatio(memoryShare), memlimit.WithMin(minMemoryLimit))
		if err != nil && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported) {
			source += ", which can't be read (" + err.Error() + "); give --memory-limit"
		}
	case s.MemoryLimit != off:
		if bytes, err := s.memory(); err == nil { // or check would have said so
			debug.SetMemoryLimit(bytes)
		}
	}
	if bytes := debug.SetMemoryLimit(-1); bytes != math.MaxInt64 {
		return humanize.IBytes(uint64(bytes)), source
	}
	return "none", source
}
