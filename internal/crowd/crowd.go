// Package crowd bounds how much there is at the same time: in total, and of one network, so that who comes from one network
// can't keep those of others out.
package crowd

import (
	"net/netip"
	"sync"
)

// Crowd counts what is there: callers, or what they take. Nobody waits: what has no room is not let in.
type Crowd struct {
	most, mostOfNetwork int64

	mu       sync.Mutex
	all      int64
	networks map[netip.Prefix]int64 // those of which something is there
}

// New makes one with room for so much, and for so much of one network.
func New(most, mostOfNetwork int64) *Crowd {
	return &Crowd{most: most, mostOfNetwork: mostOfNetwork, networks: map[netip.Prefix]int64{}}
}

// Enter says whether there is room for n more of a network, which then have to leave.
func (c *Crowd) Enter(network netip.Prefix, n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all+n > c.most || c.networks[network]+n > c.mostOfNetwork {
		return false
	}
	c.all += n
	c.networks[network] += n
	return true
}

// Leave makes room again for as many.
func (c *Crowd) Leave(network netip.Prefix, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all -= n
	if c.networks[network] -= n; c.networks[network] == 0 {
		delete(c.networks, network)
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
