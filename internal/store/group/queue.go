package group

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ordermanagement/internal/order"
)

// Bounds of what shares a transaction.
const (
	maxGroup      = 256
	maxGroupBytes = 8 << 20 // of documents; one change alone may be larger
)

// ErrBusy: the request has not been begun, for there are too many before it. Nothing of it was made.
var ErrBusy = fmt.Errorf("%w: too many writes wait for their turn", order.ErrUnavailable)

// queue is what waits for a worker.
type queue struct {
	limits   Limits
	incoming chan *Request // has no buffer: who waits in it can still leave
	waiting  chan struct{} // a place for each that may wait; nil when any number may

	gathering sync.Mutex // held by the worker that looks for requests
	later     []*Request // taken from incoming, but for a resource that is in use; only for who is gathering

	mu       sync.Mutex
	claimed  map[Resource]bool // by the groups that run
	released chan struct{}     // a worker has ended a group since later was looked at
}

func newQueue(limits Limits) *queue {
	q := &queue{limits: limits, incoming: make(chan *Request), claimed: map[Resource]bool{}, released: make(chan struct{}, 1)}
	if limits.Waiting > 0 {
		q.waiting = make(chan struct{}, limits.Waiting)
	}
	return q
}

// do waits for a turn, and then for the answer.
func (q *queue) do(ctx context.Context, r *Request) error {
	r.ctx, r.done = ctx, make(chan error, 1)
	if q.waiting != nil {
		select {
		case q.waiting <- struct{}{}:
			defer func() { <-q.waiting }()
		default:
			return ErrBusy
		}
	}
	r.arrived = time.Now()
	var late <-chan time.Time
	if q.limits.Patience > 0 {
		timer := time.NewTimer(q.limits.Patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case q.incoming <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-late:
		return ErrBusy
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gather waits for a request and takes all that wait beside it; nil when the queue is closed. Of the requests for the same
// resource only one joins a group, and none while another group has it: the next would fail on the version that the first
// has made, and the whole group with it, so that one order that everybody updates would slow all other writes down.
func (q *queue) gather() []*Request {
	q.gathering.Lock()
	defer q.gathering.Unlock()
	incoming := q.incoming
	for {
		g := gathering{queue: q, wanted: map[Resource]bool{}}
		for _, r := range q.later {
			g.add(r)
		}
		if len(g.group) == 0 {
			if incoming == nil && len(g.later) == 0 {
				return nil
			}
			q.later = g.later
			select {
			case r, open := <-incoming:
				if !open {
					incoming = nil // and what is left in later is still to be done
					continue
				}
				g.add(r)
			case <-q.released:
				continue
			}
		}
		for len(g.group) > 0 && len(g.group) < maxGroup && g.bytes < maxGroupBytes {
			select {
			case r, open := <-incoming:
				if open {
					g.add(r)
					continue
				}
			default:
			}
			break
		}
		q.later = g.later
		if len(g.group) > 0 {
			return g.group
		}
	}
}

// gathering is a group that is being put together.
type gathering struct {
	queue        *queue
	group, later []*Request
	wanted       map[Resource]bool // by requests in later: who comes after those does not overtake them
	bytes        int
}

func (g *gathering) add(r *Request) {
	q := g.queue
	if p := q.limits.Contention; p > 0 && time.Since(r.arrived) > p {
		r.answer(ErrBusy)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	free := true
	for resource := range r.claims() {
		free = free && !q.claimed[resource] && !g.wanted[resource]
	}
	if !free {
		for resource := range r.claims() {
			g.wanted[resource] = true
		}
		g.later = append(g.later, r)
		return
	}
	for resource := range r.claims() {
		q.claimed[resource] = true
	}
	g.group = append(g.group, r)
	g.bytes += r.bytes
}

// release frees what a group has claimed.
func (q *queue) release(group []*Request) {
	q.mu.Lock()
	for _, r := range group {
		for resource := range r.claims() {
			delete(q.claimed, resource)
		}
	}
	q.mu.Unlock()
	select {
	case q.released <- struct{}{}:
	default:
	}
}
