package storetest

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"ordermanagement/internal/order"
)

func keyed(tenant, id string, key *order.Key) *order.Change {
	change := Orders(tenant, Order(id))
	change.Key = key
	return change
}

func testOutcomes(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	key := Key("k")
	_, err := store.Outcome(ctx, "t", key.Hash, time.Time{})
	is(t, "Outcome before", err, order.ErrNotFound)
	change := keyed("t", "a", key)
	change.Products = []*order.Product{Product("p")}
	Must(t, store, change)
	want := order.Outcome{Fingerprint: key.Fingerprint, Made: []order.Ref{
		{Kind: order.KindOrder, ID: "a", Version: 1}, {Kind: order.KindProduct, ID: "p", Version: 1},
	}}
	for _, since := range []time.Time{{}, key.NotSince, key.Time} {
		got, err := store.Outcome(ctx, "t", key.Hash, since)
		ok(t, "Outcome", err)
		equal(t, "Outcome", got, want)
	}
	_, err = store.Outcome(ctx, "t", key.Hash, key.Time.Add(time.Microsecond))
	is(t, "Outcome since later", err, order.ErrNotFound)
	near := key.Hash
	near[0] ^= 1
	_, err = store.Outcome(ctx, "t", near, time.Time{})
	is(t, "Outcome of another key", err, order.ErrNotFound)

	update := Orders("t", Next(Order("a")))
	update.Key = Key("update")
	Must(t, store, update)
	got, err := store.Outcome(ctx, "t", update.Key.Hash, time.Time{})
	ok(t, "Outcome of the update", err)
	equal(t, "made", got.Made, []order.Ref{{Kind: order.KindOrder, ID: "a", Version: 2}})

	Must(t, store, &order.Change{Tenant: "t", Key: Key("nothing")})
	got, err = store.Outcome(ctx, "t", Key("nothing").Hash, time.Time{})
	ok(t, "Outcome of nothing", err)
	equal(t, "made", len(got.Made), 0)
}

// testFound: an outcome also lists what its write has found, for which nothing is written.
func testFound(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	made := func(key *order.Key) []order.Ref {
		got, err := store.Outcome(ctx, "t", key.Hash, key.NotSince)
		ok(t, "Outcome", err)
		return got.Made
	}
	Must(t, store, &order.Change{Tenant: "t", Orders: []*order.Order{Order("a")}, Products: []*order.Product{Product("p")}})
	a := order.Ref{Kind: order.KindOrder, ID: "a", Version: 1}
	found := []order.Ref{a, {Kind: order.KindProduct, ID: "p", Version: 1}, a}

	change := &order.Change{Tenant: "t", Found: found, Key: Key("found")}
	Must(t, store, change)
	equal(t, "found", made(change.Key), found)
	conflicts(t, store, change, order.ConflictError{Conflict: order.ConflictKey})
	got, err := store.Orders().Get(ctx, "t", "a")
	ok(t, "Get", err)
	equal(t, "what was found", got, Order("a"))
	_, err = store.Orders().GetAt(ctx, "t", "a", 2)
	is(t, "GetAt", err, order.ErrNotFound)

	both := &order.Change{Tenant: "t", Orders: []*order.Order{Next(Order("a")), Order("b")}, Found: found, Key: Key("both")}
	Must(t, store, both)
	equal(t, "made and found", made(both.Key), append([]order.Ref{
		{Kind: order.KindOrder, ID: "a", Version: 2}, {Kind: order.KindOrder, ID: "b", Version: 1},
	}, found...))
	equal(t, "orders", ids(t, store, orders, "t", order.Query{Limit: 10}), []string{"a", "b"})

	Must(t, store, &order.Change{Tenant: "t", Found: found})
	nowhere := &order.Change{Tenant: "t", Found: []order.Ref{{Kind: order.KindOrder, ID: "a"}}, Key: Key("nowhere")}
	if err := store.Apply(ctx, nowhere); err == nil {
		t.Error("Apply with a version that can't be: no error")
	}
}

// testExpiry: a key can be used again once its outcome is older than NotSince, and only then.
func testExpiry(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	first := Key("k")
	Must(t, store, keyed("t", "a", first))

	again := Key("k")
	again.Fingerprint = sha256.Sum256([]byte("another request"))
	again.Time, again.NotSince = first.Time.Add(48*time.Hour), first.Time
	conflicts(t, store, keyed("t", "b", again), order.ConflictError{Conflict: order.ConflictKey})

	again.Time, again.NotSince = again.Time.Add(time.Microsecond), again.NotSince.Add(time.Microsecond)
	_, err := store.Outcome(ctx, "t", again.Hash, again.NotSince)
	is(t, "Outcome after it expired", err, order.ErrNotFound)
	conflicts(t, store, keyed("t", "a", again), order.ConflictError{Conflict: order.ConflictExists, Kind: order.KindOrder, ID: "a"})
	Must(t, store, keyed("t", "b", again))
	got, err := store.Outcome(ctx, "t", again.Hash, again.NotSince)
	ok(t, "Outcome", err)
	equal(t, "Outcome", got, order.Outcome{Fingerprint: again.Fingerprint, Made: []order.Ref{{Kind: order.KindOrder, ID: "b", Version: 1}}})
	conflicts(t, store, keyed("t", "c", again), order.ConflictError{Conflict: order.ConflictKey})
}

func testSweep(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	const count = 2500
	changes := make(chan *order.Change, count)
	for i := range count {
		key := Key(fmt.Sprint(i))
		key.Time = Epoch.Add(time.Duration(i) * time.Second)
		changes <- &order.Change{Tenant: fmt.Sprint("t", i%3), Key: key}
	}
	close(changes)
	applyAll(t, store, changes)
	before := Epoch.Add(2000 * time.Second)
	total := 0
	for {
		removed, err := store.Sweep(ctx, before)
		ok(t, "Sweep", err)
		if removed < 0 || removed > 1000 {
			t.Fatalf("Sweep removed %d at once", removed)
		}
		if removed == 0 {
			break
		}
		total += removed
	}
	equal(t, "removed", total, 2000)
	for _, i := range []int{0, 1999, 2000, 2499} {
		key := Key(fmt.Sprint(i))
		tenant := fmt.Sprint("t", i%3)
		_, err := store.Outcome(ctx, tenant, key.Hash, time.Time{})
		if i < 2000 {
			is(t, "Outcome", err, order.ErrNotFound)
			Must(t, store, &order.Change{Tenant: tenant, Key: key})
		} else {
			ok(t, "Outcome", err)
			conflicts(t, store, &order.Change{Tenant: tenant, Key: key}, order.ConflictError{Conflict: order.ConflictKey})
		}
	}
}

func testOutcomeTenants(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	Must(t, store, keyed("t", "a", Key("k")))
	_, err := store.Outcome(ctx, "u", Key("k").Hash, time.Time{})
	is(t, "Outcome of another tenant", err, order.ErrNotFound)
	Must(t, store, keyed("u", "b", Key("k")))
	for tenant, id := range map[string]string{"t": "a", "u": "b"} {
		got, err := store.Outcome(ctx, tenant, Key("k").Hash, time.Time{})
		ok(t, "Outcome", err)
		equal(t, "made", got.Made, []order.Ref{{Kind: order.KindOrder, ID: id, Version: 1}})
	}
}
