package group

import (
	"context"
	"iter"
	"time"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/record"
)

// Request is one thing to do in a transaction that others may share.
type Request struct {
	// Write is the change to make; nil when there is only something else.
	Write *record.Write
	// Else is what a store does in its transactions besides making changes. It conflicts with nothing.
	Else any
	// Repeated: an earlier transaction may have made the change already.
	Repeated bool

	ctx      context.Context
	arrived  time.Time
	bytes    int
	done     chan error // has room for the one answer
	answered bool       // for the worker only
}

// NewRequest asks for a change.
func NewRequest(write *record.Write) *Request {
	r := &Request{Write: write}
	for i := range write.Records {
		r.bytes += len(write.Records[i].Body)
	}
	return r
}

func (r *Request) answer(err error) {
	if !r.answered {
		r.answered = true
		r.done <- err
	}
}

// keyed says whether the change has an idempotency key.
func (r *Request) keyed() bool { return r.Write != nil && r.Write.Key != nil }

// Resource names a resource of a change.
type Resource struct {
	Kind       order.Kind
	Tenant, ID string
}

// kindKey is that of idempotency keys, which are claimed as resources are.
const kindKey order.Kind = "key"

// Resources are those that a group changes.
func Resources(group []*Request) iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		for _, r := range group {
			if r.Write == nil {
				continue
			}
			for i := range r.Write.Records {
				if !yield(r.resource(i)) {
					return
				}
			}
		}
	}
}

func (r *Request) resource(i int) Resource {
	return Resource{r.Write.Records[i].Kind, r.Write.Tenant, r.Write.Records[i].ID}
}

// claims are what no other request may change at the same time: the resources and the key.
func (r *Request) claims() iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		for resource := range Resources([]*Request{r}) {
			if !yield(resource) {
				return
			}
		}
		if r.keyed() {
			yield(Resource{kindKey, r.Write.Tenant, string(r.Write.Key.Hash[:])})
		}
	}
}

// Context is that of the caller.
func (r *Request) Context() context.Context { return r.ctx }
