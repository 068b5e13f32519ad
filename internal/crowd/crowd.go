// Package crowd bounds how much there is at the same time: in total, and of each one, a network or a caller, so that none can
// keep others out.
package crowd

import (
	"net/netip"
	"sync"
)

// Crowd counts what is there: callers, or what they take. Nobody waits: what has no room is not let in.
type Crowd[K comparable] struct {
	most, mostOfEach int64

	mu   sync.Mutex
	all  int64
	each map[K]int64 // those of which something is there
}

// New makes one with room for so much, and for so much of each.
func New[K comparable](most, mostOfEach int64) *Crowd[K] {
	return &Crowd[K]{most: most, mostOfEach: mostOfEach, each: map[K]int64{}}
}

// Enter says whether there is room for n more of one, which then have to leave.
func (c *Crowd[K]) Enter(of K, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all+n > c.most || c.each[of]+n > c.mostOfEach {
		return false
	}
	c.all += n
	c.each[of] += n
	return true
}

// Leave makes room again for as many.
func (c *Crowd[K]) Leave(of K, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all -= n
	if c.each[of] -= n; c.each[of] == 0 {
		delete(c.each, of)
	}
}

// networkBits is what one holder of IPv6 addresses has at least (RFC 6177).
const networkBits = 64

// NetworkOf is the network of an address: an IPv4 address, or the /64 of an IPv6 address. That of no address is the zero
// Prefix: all of whom nothing is known share the room of one.
func NetworkOf(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = networkBits
	}
	network, _ := address.Prefix(bits)
	return network
}
