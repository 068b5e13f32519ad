package durability

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/proto"

	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

// A writer makes orders and changes its own, one call at a time, and keeps their history.
type writer struct {
	t       testing.TB
	name    string
	random  *rand.Rand
	entries []*entry
	pending *write // the call without an answer, to be repeated first
	acks    atomic.Int64
}

func newWriters(t testing.TB, count int, seed uint64) []*writer {
	var writers []*writer
	for i := range count {
		writers = append(writers, &writer{t: t, name: fmt.Sprint(i), random: rand.New(rand.NewPCG(seed, uint64(i)))})
	}
	return writers
}

// A write is one call, with the orders it changes.
type write struct {
	entries []*entry
	call    func(context.Context, *calls, protocol) (replayed bool, err error)
	keyed   bool // it goes under an idempotency key, so that a repeat says what it is
	repeat  bool // it was sent before, and the check after the restart has found out whether it was
	applied bool // done
}

// run writes until the service goes.
func (w *writer) run(ctx context.Context, c *calls) {
	for ctx.Err() == nil && !w.t.Failed() {
		if w.pending == nil {
			w.pending = w.choose()
		}
		if !w.do(ctx, c) {
			return
		}
	}
}

// do makes the pending call; false means that it has no answer.
func (w *writer) do(ctx context.Context, c *calls) bool {
	pending, way := w.pending, overGRPC
	if w.random.IntN(2) == 0 {
		way = overREST
	}
	replayed, err := pending.call(ctx, c, way)
	switch {
	case lost(err):
		pending.repeat = true
		return false
	case err != nil:
		w.t.Errorf("writer %s over %s, repeat %t, applied %t: %v", w.name, way, pending.repeat, pending.applied, err)
		return false
	}
	if done := pending.repeat && pending.applied; pending.keyed && replayed != done {
		w.t.Errorf("writer %s over %s: answered as a replay: %t, done before: %t", w.name, way, replayed, done)
	}
	for _, e := range pending.entries {
		e.next = nil
	}
	w.pending = nil
	w.acks.Add(1)
	return true
}

// choose decides what to write next.
func (w *writer) choose() *write {
	var drafts, legacy []*entry
	for _, e := range w.entries {
		switch {
		case e.v1:
			legacy = append(legacy, e)
		case e.confirmed == nil:
			drafts = append(drafts, e)
		}
	}
	switch dice := w.random.IntN(10); {
	case dice < 3 && len(drafts) > 0:
		return w.confirm(drafts[w.random.IntN(len(drafts))])
	case dice < 5:
		return w.add()
	case dice < 7 && len(legacy) > 0:
		w.random.Shuffle(len(legacy), func(i, j int) { legacy[i], legacy[j] = legacy[j], legacy[i] })
		return w.update(legacy[:min(3, len(legacy))])
	default:
		return w.create()
	}
}

// uuid is one of the writer's own.
func (w *writer) uuid() string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(w.random.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4 (RFC 9562, 5.4)
	return id.String()
}

func (w *writer) create() *write {
	e := &entry{key: w.uuid(), want: version{absent: true}}
	w.entries = append(w.entries, e)
	e.request = &v2.Order{
		Description:  fmt.Sprintf("order %d of writer %s", len(w.entries), w.name),
		Destination:  "Kraków",
		CurrencyCode: "EUR",
		LineItems: []*v2.LineItem{{
			Title: "nuts", Quantity: 1 + w.random.Int32N(9),
			UnitPrice: &money.Money{CurrencyCode: "EUR", Units: w.random.Int64N(1000), Nanos: 990_000_000},
		}},
		Annotations: map[string]string{keyAnnotation: e.key},
	}
	e.next = &version{v2: e.request, state: v2.Order_DRAFT}
	pending := &write{entries: []*entry{e}, keyed: true}
	pending.call = func(ctx context.Context, c *calls, way protocol) (bool, error) {
		answer, replayed, err := c.create(ctx, way, e.key, e.request)
		if err != nil {
			return false, err
		}
		w.acknowledged(e, pending, answer)
		e.created = answer
		return replayed, nil
	}
	return pending
}

func (w *writer) confirm(e *entry) *write {
	e.confirmKey = w.uuid()
	e.next = &version{v2: e.created, state: v2.Order_CONFIRMED}
	pending := &write{entries: []*entry{e}, keyed: true}
	pending.call = func(ctx context.Context, c *calls, way protocol) (bool, error) {
		answer, replayed, err := c.confirm(ctx, way, e.confirmKey, e.created.GetName())
		if err != nil {
			return false, err
		}
		w.acknowledged(e, pending, answer)
		e.confirmed = answer
		return replayed, nil
	}
	return pending
}

// acknowledged keeps an answer of v2, which must be what the write makes, and what was found to be stored.
func (w *writer) acknowledged(e *entry, pending *write, answer *v2.Order) {
	if difference := e.next.differs(answer); difference != "" {
		w.t.Errorf("answer to %s: %s", e.key, difference)
	}
	if pending.repeat && pending.applied && !proto.Equal(answer, e.stored) {
		w.t.Errorf("the repeat of %s is answered with\n%v, stored is\n%v", e.key, answer, e.stored)
	}
	e.want = version{exact: answer}
}

func (w *writer) add() *write {
	e := &entry{key: "v1-" + w.uuid(), v1: true, want: version{absent: true}}
	w.entries = append(w.entries, e)
	request := &v1.Order{Id: e.key, Items: []string{"nuts", "bolts"}, Description: "as added", Destination: "Łódź", Price: float32(w.random.IntN(1000))}
	made := version{v1: request, state: v2.Order_DRAFT}
	e.next = &made
	return &write{entries: []*entry{e}, call: func(ctx context.Context, c *calls, way protocol) (bool, error) {
		answer, err := c.add(ctx, way, request)
		if err != nil {
			return false, err
		}
		if want := "Order Added: " + e.key; answer != want {
			w.t.Errorf("answer %q, want %q", answer, want)
		}
		e.want = made
		return false, nil
	}}
}

func (w *writer) update(entries []*entry) *write {
	var requests []*v1.Order
	var ids []string
	for _, e := range entries {
		request := &v1.Order{Id: e.key, Items: []string{"screws"}, Description: "as updated " + w.uuid(), Destination: "Gdańsk", Price: float32(w.random.IntN(1000))}
		requests, ids = append(requests, request), append(ids, e.key)
		e.next = &version{v1: request, state: v2.Order_DRAFT}
	}
	return &write{entries: entries, call: func(ctx context.Context, c *calls, _ protocol) (bool, error) {
		answer, err := c.update(ctx, requests)
		if err != nil {
			return false, err
		}
		if want := "Updated Order IDs: " + strings.Join(ids, ", "); answer != want {
			w.t.Errorf("answer %q, want %q", answer, want)
		}
		for _, e := range entries {
			e.want = *e.next
		}
		return false, nil
	}}
}
