// Package connlimit bounds how many connections a listener has at a time.
package connlimit

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"ordermanagement/internal/auth"
)

// logEvery is how often at most a listener logs that it refuses connections: whoever opens too many does so all the time.
const logEvery = time.Minute

// Why a connection is refused.
const (
	causeTotal   = "total"
	causeNetwork = "network"
)

// Limits make listeners with a limit, and tell of what they refuse.
type Limits struct {
	logger  *slog.Logger
	open    *prometheus.GaugeVec
	refused *prometheus.CounterVec
}

// New makes Limits that count in a registry.
func New(registry prometheus.Registerer, logger *slog.Logger) (*Limits, error) {
	l := &Limits{
		logger: logger,
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "connections_open", Help: "Connections that are open now, by listener.",
		}, []string{"listener"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "connections_refused_total", Help: "Connections that were closed at once because too many were open, by listener and by whose: in total, or of one network.",
		}, []string{"listener", "cause"}),
	}
	if err := registry.Register(l.open); err != nil {
		return nil, err
	}
	return l, registry.Register(l.refused)
}

// Listen puts a limit on a listener. A connection beyond it is closed at once, without a word, before anything is done for it;
// those that are open work on. Half of the limit is for one network at most (an IPv4 address, or the /64 of an IPv6 address),
// so that nobody alone keeps all others out; a single connection always finds a place. A proxy in front is one network too.
func (l *Limits) Listen(listener *net.TCPListener, name string, most int) net.Listener {
	limited := &limited{
		TCPListener: listener, limits: l, name: name, most: most, mostOfOne: max(most/2, 1),
		byNetwork: make(map[netip.Prefix]int), logging: rate.Sometimes{Interval: logEvery},
		open: l.open.WithLabelValues(name),
	}
	for _, cause := range []string{causeTotal, causeNetwork} {
		l.refused.WithLabelValues(name, cause) // so that it is there, as 0
	}
	return limited
}

type limited struct {
	*net.TCPListener
	limits          *Limits
	name            string
	most, mostOfOne int
	open            prometheus.Gauge
	logging         rate.Sometimes

	mu        sync.Mutex
	total     int
	byNetwork map[netip.Prefix]int
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		accepted, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		network := auth.Origin{Peer: accepted.RemoteAddr()}.Network()
		cause := l.enter(network)
		if cause == "" {
			return &conn{TCPConn: accepted, leave: sync.OnceFunc(func() { l.leave(network) })}, nil
		}
		_ = accepted.Close() // nothing was written to it
		l.limits.refused.WithLabelValues(l.name, cause).Inc()
		l.logging.Do(func() {
			l.limits.logger.Warn("too many connections; new ones are closed. Raise --max-connections if they are wanted",
				"listener", l.name, "cause", cause, "peer", accepted.RemoteAddr().String(), "most", l.most, "most_of_one_network", l.mostOfOne)
		})
	}
}

// enter takes a place, or says why there is none.
func (l *limited) enter(network netip.Prefix) (cause string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.total >= l.most:
		return causeTotal
	case l.byNetwork[network] >= l.mostOfOne:
		return causeNetwork
	}
	l.total++
	l.byNetwork[network]++
	l.open.Inc()
	return ""
}

func (l *limited) leave(network netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	l.open.Dec()
	if l.byNetwork[network]--; l.byNetwork[network] == 0 {
		delete(l.byNetwork, network)
	}
}

// conn gives its place back when it is closed. It stays a TCP connection to net/http, which looks for what that can do.
type conn struct {
	*net.TCPConn
	leave func()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	defer c.leave()
	return c.TCPConn.Close()
}
