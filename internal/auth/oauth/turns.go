package oauth

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/sync/semaphore"

	"ordermanagement/internal/auth"
)

const (
	// unknownShare of what is asked at the same time may be about tokens that were never active: what is made up keeps
	// nobody out whose token has to be asked about again.
	unknownShare = 0.75
	// networkShare may be about such tokens from one network: who makes them up keeps nobody out but themselves.
	networkShare = 0.25
)

var (
	errManyAsked   = errors.New("too many tokens are being asked about")
	errManyUnknown = errors.New("too many unknown tokens come at the same time, from here or from everywhere")
)

// turns bounds what is asked at the same time. Who has to wait is served in order, within each of the bounds.
type turns struct {
	all, unknown *semaphore.Weighted
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
	return &turns{
		all: semaphore.NewWeighted(int64(most)), unknown: semaphore.NewWeighted(share(unknownShare)),
		perNetwork: share(networkShare), networks: map[netip.Prefix]*line{},
	}
}

// take waits for a turn to ask about a token, which is known if it was active before. An error is the context's end.
func (t *turns) take(ctx context.Context, known bool, origin auth.Origin) (release func(), err error) {
	if known {
		if t.all.Acquire(ctx, 1) != nil {
			return nil, errManyAsked
		}
		return func() { t.all.Release(1) }, nil
	}
	network := origin.Network()
	own := t.join(network)
	held := []*semaphore.Weighted{}
	release = func() {
		for _, s := range held {
			s.Release(1)
		}
		t.leave(network, own)
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
