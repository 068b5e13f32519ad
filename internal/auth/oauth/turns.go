package oauth

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/sync/semaphore"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/crowd"
)

const (
	// unknownShare of what is asked at the same time may be about tokens that were never active: what is made up keeps
	// nobody out whose token has to be asked about again.
	unknownShare = 0.75
	// networkShare may be about such tokens from one network: who makes them up keeps nobody out but themselves.
	networkShare = 0.25
	// waiting is how many may have or await each of these turns; more are refused at once. Whoever waits takes something of
	// the gateway and the server meanwhile.
	waiting = 16
)

var (
	errManyAsked   = errors.New("too many tokens are being asked about")
	errManyUnknown = errors.New("too many unknown tokens come at the same time, from here or from everywhere")
)

// turns bounds what is asked at the same time. Who has to wait is served in order, within each of the bounds.
type turns struct {
	all, unknown *semaphore.Weighted
	crowd        *crowd.Crowd[netip.Prefix] // of those that ask or wait because of an unknown token
	perNetwork   int64

	mu       sync.Mutex
	networks map[netip.Prefix]*line // those from which somebody asks or waits
}

// line is the turns of one network.
type line struct {
	*semaphore.Weighted
	users int
}

func newTurns(most int) *turns {
	share := func(share float64) int64 { return max(1, int64(share*float64(most))) }
	unknown, perNetwork := share(unknownShare), share(networkShare)
	return &turns{
		all: semaphore.NewWeighted(int64(most)), unknown: semaphore.NewWeighted(unknown), perNetwork: perNetwork,
		crowd: crowd.New[netip.Prefix](waiting*unknown, waiting*perNetwork), networks: map[netip.Prefix]*line{},
	}
}

// take waits for a turn to ask about a token, which is known if it was active before. It is an error when the context ends
// before, or when too many wait already.
func (t *turns) take(ctx context.Context, known bool, origin auth.Origin) (release func(), err error) {
	if known {
		if t.all.Acquire(ctx, 1) != nil {
			return nil, errManyAsked
		}
		return func() { t.all.Release(1) }, nil
	}
	network := origin.Network()
	if !t.crowd.Enter(network, 1) {
		return nil, errManyUnknown
	}
	own := t.join(network)
	held := []*semaphore.Weighted{}
	release = func() {
		for _, s := range held {
			s.Release(1)
		}
		t.leave(network, own)
		t.crowd.Leave(network, 1)
	}
	for _, s := range []*semaphore.Weighted{own.Weighted, t.unknown, t.all} {
		if s.Acquire(ctx, 1) != nil {
			release()
			return nil, errManyUnknown
		}
		held = append(held, s)
	}
	return release, nil
}

func (t *turns) join(network netip.Prefix) *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, ok := t.networks[network]
	if !ok {
		own = &line{Weighted: semaphore.NewWeighted(t.perNetwork)}
		t.networks[network] = own
	}
	own.users++
	return own
}

func (t *turns) leave(network netip.Prefix, own *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(t.networks, network)
	}
}
