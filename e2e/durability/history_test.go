package durability

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

// keyAnnotation marks an order of v2 with the key it was created under. Nothing makes annotations unique, so an order
// that was created twice is there twice.
const keyAnnotation = "key"

// An entry is one order in the history: what was acknowledged of it, and what a write that was not may have made of it.
type entry struct {
	key  string // its id in v1, the key it was created under in v2
	v1   bool
	want version  // as acknowledged
	next *version // as the pending write makes it; nil when none is pending

	stored *v2.Order // as found after the last restart; nil when it was not there

	// What can be repeated of an order of v2: the request that created it, and the answers once they are there.
	request, created, confirmed *v2.Order
	confirmKey                  string
}

// A version is what is known of an order at one time.
type version struct {
	absent bool
	exact  *v2.Order // the answer that acknowledged it, if that is an order
	v1     *v1.Order // the request that made it, if it is one of v1
	v2     *v2.Order // the request that made it, if it is one of v2
	state  v2.Order_State
}

// differs says how an order is not this version; empty if it is.
func (v version) differs(got *v2.Order) string {
	switch {
	case v.absent || got == nil:
		if v.absent && got == nil {
			return ""
		}
		return fmt.Sprintf("it is there: %t, want %t", got != nil, !v.absent)
	case v.exact != nil:
		if proto.Equal(got, v.exact) {
			return ""
		}
		return fmt.Sprintf("stored\n%v, acknowledged\n%v", got, v.exact)
	case got.GetState() != v.state:
		return fmt.Sprintf("it is %v, want %v", got.GetState(), v.state)
	case v.v1 != nil:
		return differsFromV1(got, v.v1)
	default:
		return differsFromV2(got, v.v2)
	}
}

func differsFromV1(got *v2.Order, want *v1.Order) string {
	var items []string
	for _, line := range got.GetLineItems() {
		items = append(items, line.GetTitle())
	}
	if got.GetName() == "orders/"+want.GetId() && slices.Equal(items, want.GetItems()) &&
		got.GetDescription() == want.GetDescription() && got.GetDestination() == want.GetDestination() &&
		float32(got.GetTotals().GetTotal().GetUnits()) == want.GetPrice() {
		return ""
	}
	return fmt.Sprintf("stored\n%v, sent\n%v", got, want)
}

// differsFromV2 compares the fields that the writers send.
func differsFromV2(got, want *v2.Order) string {
	same := got.GetDescription() == want.GetDescription() && got.GetDestination() == want.GetDestination() &&
		got.GetCurrencyCode() == want.GetCurrencyCode() && len(got.GetLineItems()) == len(want.GetLineItems())
	for i := 0; same && i < len(want.GetLineItems()); i++ {
		a, b := got.GetLineItems()[i], want.GetLineItems()[i]
		same = a.GetTitle() == b.GetTitle() && a.GetQuantity() == b.GetQuantity() && proto.Equal(a.GetUnitPrice(), b.GetUnitPrice())
	}
	if same {
		return ""
	}
	return fmt.Sprintf("stored\n%v, sent\n%v", got, want)
}

// check compares what is stored with the history: every order is there as it was acknowledged, or as the write that was
// pending makes it, and once; all orders of one pending write agree; and nothing else is there.
func check(t testing.TB, writers []*writer, stored []*v2.Order) {
	t.Helper()
	found := make(map[string]*v2.Order, len(stored))
	for _, order := range stored {
		key, ok := order.GetAnnotations()[keyAnnotation]
		if !ok {
			key = strings.TrimPrefix(order.GetName(), "orders/")
		}
		if found[key] != nil {
			t.Errorf("there twice:\n%v\n%v", found[key], order)
		}
		found[key] = order
	}
	for _, w := range writers {
		for _, e := range w.entries {
			e.stored = found[e.key]
			delete(found, e.key)
			if e.next == nil {
				if difference := e.want.differs(e.stored); difference != "" {
					t.Errorf("order %s: %s", e.key, difference)
				}
			}
		}
		if w.pending != nil {
			w.pending.applied = applied(t, w.pending.entries)
		}
	}
	for key, order := range found {
		t.Errorf("there, but nobody sent it: %s\n%v", key, order)
	}
}

// applied says whether a pending write was done. Its orders must not disagree.
func applied(t testing.TB, entries []*entry) bool {
	t.Helper()
	done := 0
	for _, e := range entries {
		before, after := e.want.differs(e.stored), e.next.differs(e.stored)
		switch {
		case after == "":
			done++
		case before != "":
			t.Errorf("order %s is neither as it was: %s\nnor as the pending write makes it: %s", e.key, before, after)
		}
	}
	if done != 0 && done != len(entries) {
		t.Errorf("a write that is all or nothing was done to %d of its %d orders", done, len(entries))
	}
	return done > 0
}
