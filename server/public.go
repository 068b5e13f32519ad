package server

import (
	"context"
	"net/netip"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/peer"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/auth"
	"ordermanagement/internal/crowd"
)

// Public methods are for whoever comes over the network, with no credential to be answerable for. grpc-go takes a message of
// theirs, inflates it and keeps it, up to the size that messages may have, before any code of ours sees it. So there are
// bounds on how many come, by the network that they come from; a gateway that is trusted has bounds of its own.
const (
	// publicPace and publicBurst are how many calls a second may come from one network: far more than probes make.
	publicPace  = 25
	publicBurst = 250
	// maxPublicMessages may arrive at the same time, some of one network.
	maxPublicMessages, maxPublicMessagesOfNetwork = 128, 32
	// maxPublicStreams may be open at the same time, some of one network: watches of health last.
	maxPublicStreams, maxPublicStreamsOfNetwork = 4096, 512
)

// strangers bounds the calls of public methods from the network.
type strangers struct {
	gateway  trust
	messages *crowd.Crowd[netip.Prefix] // that arrive
	streams  *crowd.Crowd[netip.Prefix] // that are open

	mu   sync.Mutex
	pace *simplelru.LRU[netip.Prefix, *rate.Limiter]
}

func newStrangers(gateway trust) *strangers {
	pace, _ := simplelru.NewLRU[netip.Prefix, *rate.Limiter](maxLimited, nil) // fails for no size only
	return &strangers{
		gateway: gateway, pace: pace,
		messages: crowd.New[netip.Prefix](maxPublicMessages, maxPublicMessagesOfNetwork),
		streams:  crowd.New[netip.Prefix](maxPublicStreams, maxPublicStreamsOfNetwork),
	}
}

// errCrowded is told before there is any of our metadata: no method has begun.
var errCrowded = apierror.New(apiv1.ErrorReason_RATE_LIMITED,
	"too many calls of public methods come from this network; try again later", apierror.RetryAfter(apierror.RetryDelay)).Err()

// admit lets a call in, or says why not. It makes room again when the context of the call ends.
func (s *strangers) admit(ctx context.Context, kind string) error {
	network, bounded := s.networkOf(ctx)
	if !bounded {
		return nil
	}
	room := s.messages
	if kind != unaryKind {
		room = s.streams
	}
	if !s.inPace(network) || !room.Enter(network, 1) {
		return errCrowded
	}
	context.AfterFunc(ctx, func() { room.Leave(network, 1) })
	return nil
}

// receive receives a message of a stream, of which only so many may arrive at the same time.
func (s *strangers) receive(ctx context.Context, receive func() error) error {
	network, bounded := s.networkOf(ctx)
	if !bounded {
		return receive()
	}
	if !s.messages.Enter(network, 1) {
		return errCrowded
	}
	defer s.messages.Leave(network, 1)
	return receive()
}

// networkOf is where a call comes from, unless it is a gateway that comes.
func (s *strangers) networkOf(ctx context.Context) (network netip.Prefix, bounded bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Prefix{}, true
	}
	if shown := shownCertificate(p); shown != nil && s.gateway != nil && s.gateway(shown) {
		return netip.Prefix{}, false
	}
	return auth.Origin{Peer: p.Addr}.Network(), true
}

func (s *strangers) inPace(network netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return remembered(s.pace, network, func() *rate.Limiter { return rate.NewLimiter(publicPace, publicBurst) }).Allow()
}
