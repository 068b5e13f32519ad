package auth

import (
	"net"
	"net/netip"
	"strings"
)

// Origin is where a request comes from, in so far as its sender can't choose it. It lets nobody in; limits are counted by
// it.
type Origin struct {
	Peer net.Addr // of the connection; nil if that is not known
	// Told is the address that a gateway which is trusted tells: the last of a list counts, since what stands before it came
	// from the caller. Empty if the request came straight.
	Told string
}

// networkBits is what one holder of IPv6 addresses has at least (RFC 6177).
const networkBits = 64

// Network is the network of the origin: an IPv4 address, or the /64 of an IPv6 address. It is the zero Prefix if nothing is
// known, so that all of whom nothing is known share the limits of one.
func (o Origin) Network() netip.Prefix {
	address := netip.Addr{}
	if o.Told != "" {
		address, _ = netip.ParseAddr(strings.TrimSpace(o.Told[strings.LastIndexByte(o.Told, ',')+1:]))
	} else if tcp, ok := o.Peer.(*net.TCPAddr); ok {
		address = tcp.AddrPort().Addr()
	}
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = networkBits
	}
	network, _ := address.Prefix(bits) // the zero Prefix of no address
	return network
}
