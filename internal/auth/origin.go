package auth

import (
	"net"
	"net/netip"
	"strings"

	"ordermanagement/internal/crowd"
)

// Origin is where a request comes from, in so far as its sender can't choose it. It lets nobody in; limits are counted by
// it.
type Origin struct {
	Peer net.Addr // of the connection; nil if that is not known
	// Told is the address that a gateway which is trusted tells: the last of a list counts, since what stands before it came
	// from the caller. Empty if the request came straight.
	Told string
}

// Network is the network of the origin, as [crowd.NetworkOf] says.
func (o Origin) Network() netip.Prefix {
	address := netip.Addr{}
	if o.Told != "" {
		address, _ = netip.ParseAddr(strings.TrimSpace(o.Told[strings.LastIndexByte(o.Told, ',')+1:]))
	} else if tcp, ok := o.Peer.(*net.TCPAddr); ok {
		address = tcp.AddrPort().Addr()
	}
	return crowd.NetworkOf(address)
}
