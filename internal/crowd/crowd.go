// Package crowd bounds how many are somewhere at the same time: in total, and from one network, so that who comes from one
// network can't keep those of others out.
package crowd

import (
	"net/netip"
	"sync"
)

// Crowd counts who is there. Nobody waits: who has no room is not let in.
type Crowd struct {
	most, mostOfNetwork int

	mu       sync.Mutex
	all      int
	networks map[netip.Prefix]int // those from which somebody is there
}

// New makes one with room for so many, and for so many of one network.
func New(most, mostOfNetwork int) *Crowd {
	return &Crowd{most: most, mostOfNetwork: mostOfNetwork, networks: map[netip.Prefix]int{}}
}

// Enter says whether there is room for one more from a network, who then has to leave.
func (c *Crowd) Enter(network netip.Prefix) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.most || c.networks[network] >= c.mostOfNetwork {
		return false
	}
	c.all++
	c.networks[network]++
	return true
}

// Leave makes room again.
func (c *Crowd) Leave(network netip.Prefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.networks[network]--; c.networks[network] == 0 {
		delete(c.networks, network)
	}
}
