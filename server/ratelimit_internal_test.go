package server

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"ordermanagement/internal/auth"
	"ordermanagement/server/rpc"
)

func callBy(tenant, subject string) rpc.Call {
	return rpc.Call{Caller: auth.Caller{Tenant: tenant, Subject: subject}}
}

func newTestLimits(t testing.TB, limit RateLimit) *rateLimits {
	t.Helper()
	l, err := newRateLimits(limit, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// However many call, what is kept of them is bounded; and who is nobody pushes no caller out.
func TestRememberedCallersAreBounded(t *testing.T) {
	l := newTestLimits(t, RateLimit{PerSecond: 1})
	known := l.of(&call{Call: callBy("a", "known")})
	for i := range 2 * maxLimited {
		address := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		l.of(&call{origin: auth.Origin{Peer: net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 1))}})
	}
	if n := l.byNetwork.Len(); n != maxLimited {
		t.Errorf("%d networks are kept", n)
	}
	if l.of(&call{Call: callBy("a", "known")}) != known {
		t.Error("a caller was forgotten for strangers")
	}
	for i := range 2 * maxLimited {
		l.of(&call{Call: callBy("a", strconv.Itoa(i))})
	}
	if n := l.byCaller.Len(); n != maxLimited {
		t.Errorf("%d callers are kept", n)
	}
	if l.of(&call{Call: callBy("a", "x")}) == l.of(&call{Call: callBy("b", "x")}) {
		t.Error("two tenants share the limit of a subject")
	}
}

// What the limit adds to a call is the difference.
func BenchmarkThrottle(b *testing.B) {
	for name, links := range map[string]chain{"without": {identify()}, "with": {identify(), throttle(newTestLimits(b, RateLimit{PerSecond: 1e9}))}} {
		b.Run(name, func(b *testing.B) {
			ctx, m := context.Background(), &method{}
			b.ReportAllocs()
			for b.Loop() {
				c := &call{method: m, Call: callBy("tenant", "token:someone")}
				if err := links.run(c.Begin(ctx, true), c, func(context.Context) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
