package auth_test

import (
	"net"
	"testing"

	"ordermanagement/internal/auth"
)

func TestNetworkOfAnOrigin(t *testing.T) {
	peer := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 4711} }
	for _, test := range []struct {
		name   string
		origin auth.Origin
		want   string
	}{
		{"IPv4", auth.Origin{Peer: peer("192.0.2.1")}, "192.0.2.1/32"},
		{"IPv4 in IPv6", auth.Origin{Told: "::ffff:192.0.2.1"}, "192.0.2.1/32"},
		{"IPv6", auth.Origin{Peer: peer("2001:db8:1:2:3:4:5:6")}, "2001:db8:1:2::/64"},
		{"IPv6 with a zone", auth.Origin{Told: "fe80::1%eth0"}, "fe80::/64"},
		{"through a gateway", auth.Origin{Peer: peer("192.0.2.1"), Told: "198.51.100.7"}, "198.51.100.7/32"},
		{"through proxies, which may repeat what the caller says", auth.Origin{Told: "203.0.113.9, 198.51.100.7"}, "198.51.100.7/32"},
		{"through a gateway that tells no address", auth.Origin{Peer: peer("192.0.2.1"), Told: "@"}, "invalid Prefix"},
		{"no TCP", auth.Origin{Peer: &net.UnixAddr{Name: "x"}}, "invalid Prefix"},
		{"nothing", auth.Origin{}, "invalid Prefix"},
	} {
		if got := test.origin.Network().String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
