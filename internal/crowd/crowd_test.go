package crowd_test

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"ordermanagement/internal/crowd"
)

func network(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func TestCrowd(t *testing.T) {
	a, b, d := network("192.0.2.1/32"), network("192.0.2.2/32"), network("2001:db8::/64")
	c := crowd.New[netip.Prefix](3, 2)
	enter := func(from netip.Prefix, want bool) {
		t.Helper()
		if got := c.Enter(from, 1); got != want {
			t.Errorf("%v is let in: %v", from, got)
		}
	}
	enter(a, true)
	enter(a, true)
	enter(a, false) // as many as one network may have
	enter(b, true)
	enter(d, false) // as many as there may be
	c.Leave(a, 1)
	enter(d, true)
	c.Leave(b, 1)
	enter(a, true)
	enter(a, false)
	c.Leave(a, 1)
	c.Leave(a, 1)
	c.Leave(d, 1)
	enter(netip.Prefix{}, true) // of whom nothing is known, like one network
	enter(netip.Prefix{}, true)
	enter(netip.Prefix{}, false)
}

// What is large takes as much room as it says.
func TestCrowdOfLargeOnes(t *testing.T) {
	a, b := network("192.0.2.1/32"), network("192.0.2.2/32")
	c := crowd.New[netip.Prefix](100, 60)
	if !c.Enter(a, 60) || c.Enter(a, 1) || c.Enter(b, 41) || !c.Enter(b, 40) {
		t.Error("the room is not what it was")
	}
	c.Leave(a, 30)
	if c.Enter(a, 31) || !c.Enter(a, 30) {
		t.Error("what has left has not made as much room")
	}
}

func TestCrowdByMany(t *testing.T) {
	c := crowd.New[netip.Prefix](10, 5)
	var inside, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		from := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 4)}), 32)
		all.Go(func() {
			for range 200 {
				if !c.Enter(from, 1) {
					refused.Add(1)
					continue
				}
				if n := inside.Add(1); n > 10 {
					t.Errorf("%d are there", n)
				}
				inside.Add(-1)
				c.Leave(from, 1)
			}
		})
	}
	all.Wait()
	for range 2 {
		for i := range 5 {
			if !c.Enter(network("198.51.100.1/32"), 1) {
				t.Fatalf("no room for %d when all have left", i)
			}
		}
		for range 5 {
			c.Leave(network("198.51.100.1/32"), 1)
		}
	}
}
