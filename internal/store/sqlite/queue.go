package sqlite

import (
	"context"
	"iter"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/record"
)

// Bounds of what shares a transaction.
const (
	maxGroup      = 256
	maxGroupBytes = 8 << 20 // of documents; one change alone may be larger
)

type resource struct {
	kind       order.Kind
	tenant, id string
}

// request is one change, or one sweep, on its way through the writer.
type request struct {
	ctx      context.Context
	write    *record.Write
	sweep    *sweep
	bytes    int
	done     chan error // has room for the one answer
	answered bool       // for the writer's goroutine only
}

type sweep struct {
	before  int64 // µs since the epoch
	removed int
}

func newRequest(write *record.Write) *request {
	r := &request{write: write}
	for i := range write.Records {
		r.bytes += len(write.Records[i].Body)
	}
	return r
}

func (r *request) answer(err error) {
	if !r.answered {
		r.answered = true
		r.done <- err
	}
}

// do waits for a turn, and then for the answer.
func (w *writer) do(ctx context.Context, r *request) error {
	r.ctx, r.done = ctx, make(chan error, 1)
	select {
	case w.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gather waits for a request and takes all that wait beside it; nil when the queue is closed. Of the requests for the same
// resource only one joins a group: the next would fail on the version that the first has made, and the whole group with
// it, so that one order that everybody updates would slow all other writes down.
func (w *writer) gather() []*request {
	clear(w.claimed)
	var group, later []*request
	bytes := 0
	add := func(r *request) {
		if w.claims(r) {
			group = append(group, r)
			bytes += r.bytes
		} else {
			later = append(later, r)
		}
	}
	for _, r := range w.later {
		add(r)
	}
	if len(group) == 0 {
		r, open := <-w.queue
		if !open {
			return nil
		}
		add(r)
	}
	for len(group) < maxGroup && bytes < maxGroupBytes {
		select {
		case r, open := <-w.queue:
			if open {
				add(r)
				continue
			}
		default:
		}
		break
	}
	w.later = later
	return group
}

// claims says whether the resources of the request are free in this group, and takes them.
func (w *writer) claims(r *request) bool {
	if r.write == nil {
		return true
	}
	for i := range r.write.Records {
		if w.claimed[r.resource(i)] {
			return false
		}
	}
	for i := range r.write.Records {
		w.claimed[r.resource(i)] = true
	}
	return true
}

// resources are those that a group changes.
func resources(group []*request) iter.Seq[resource] {
	return func(yield func(resource) bool) {
		for _, r := range group {
			if r.write == nil {
				continue
			}
			for i := range r.write.Records {
				if !yield(r.resource(i)) {
					return
				}
			}
		}
	}
}

func (r *request) resource(i int) resource {
	return resource{r.write.Records[i].Kind, r.write.Tenant, r.write.Records[i].ID}
}
