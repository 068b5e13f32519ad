package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"ordermanagement/internal/order"
)

// callers is how many goroutines use a store at once.
const callers = 24

// each runs a function in many goroutines and waits for them.
func each(run func(caller int)) {
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() { run(caller) })
	}
	group.Wait()
}

func applyAll(t *testing.T, store order.Store, changes <-chan *order.Change) {
	t.Helper()
	each(func(int) {
		for change := range changes {
			if err := store.Apply(t.Context(), change); err != nil {
				t.Errorf("Apply: %v", err)
			}
		}
	})
}

// refusal is the conflict that the error is; a failure of the test when it is something else.
func refusal(t *testing.T, err error) order.ConflictError {
	var conflict *order.ConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("Apply: %v", err)
		return order.ConflictError{}
	}
	return *conflict
}

// testOptimisticUpdates: callers add to one order, each on the version that it has read. None of the additions is lost.
func testOptimisticUpdates(t *testing.T, open Open) {
	const additions = 5
	store, ctx := start(t, open), t.Context()
	first := Order("a")
	first.Totals.Total = 0
	Must(t, store, Orders("t", first))
	var wins [callers*additions + 2]atomic.Int32
	each(func(int) {
		for won := 0; won < additions; {
			o, err := store.Orders().Get(ctx, "t", "a")
			if err != nil {
				t.Errorf("Get: %v", err)
				return
			}
			next := Next(o)
			next.Totals.Total++
			switch err := store.Apply(ctx, Orders("t", next)); {
			case err == nil:
				won++
				wins[next.Version].Add(1)
			case refusal(t, err) != order.ConflictError{Conflict: order.ConflictStale, Kind: order.KindOrder, ID: "a"}:
				t.Errorf("Apply: %v", err)
				return
			}
		}
	})
	got, err := store.Orders().Get(ctx, "t", "a")
	ok(t, "Get", err)
	equal(t, "version", got.Version, int64(callers*additions+1))
	equal(t, "total", got.Totals.Total, order.Amount(callers*additions))
	for version := int64(1); version <= got.Version; version++ {
		if count := wins[version].Load(); version > 1 && count != 1 {
			t.Errorf("version %d was made %d times", version, count)
		}
		at, err := store.Orders().GetAt(ctx, "t", "a", version)
		ok(t, "GetAt", err)
		equal(t, "total then", at.Totals.Total, order.Amount(version-1))
	}
}

// testKeyRace: callers repeat one write at once, each under an id of its own. It is made once.
func testKeyRace(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	for round := range 10 {
		key := Key(fmt.Sprint("k", round))
		var won atomic.Value
		var wins atomic.Int32
		each(func(caller int) {
			change := keyed("t", fmt.Sprint(round, "-", caller), key)
			if err := store.Apply(ctx, change); err == nil {
				wins.Add(1)
				won.Store(change.Refs())
			} else if refusal(t, err).Conflict != order.ConflictKey {
				t.Errorf("Apply: %v", err)
			}
		})
		equal(t, "winners", wins.Load(), int32(1))
		outcome, err := store.Outcome(ctx, "t", key.Hash, key.NotSince)
		ok(t, "Outcome", err)
		equal(t, "made", outcome.Made, won.Load())
	}
	equal(t, "orders", len(ids(t, store, orders, "t", order.Query{Limit: 100})), 10)
}

// testOwnAnswers: changes that succeed and changes that fail in every way, all at once. Each gets its own answer.
func testOwnAnswers(t *testing.T, open Open) {
	const rounds = 40
	store, ctx := start(t, open), t.Context()
	taken := Order("stored")
	taken.ExternalID = "x"
	seed := Orders("t", taken)
	seed.Key = Key("used")
	Must(t, store, seed)
	each(func(caller int) {
		for round := range rounds {
			fresh := Order(fmt.Sprintf("%02d-%03d", caller, round))
			change := keyed("t", fresh.ID, Key(fresh.ID))
			var want *order.ConflictError
			switch (caller + round) % 6 {
			case 0:
				change.Key = Key("used")
				want = &order.ConflictError{Conflict: order.ConflictKey}
			case 1:
				change.Orders = append(change.Orders, Order("stored"))
				want = &order.ConflictError{Conflict: order.ConflictExists, Kind: order.KindOrder, ID: "stored"}
			case 2:
				change.Orders = append(change.Orders, Next(Next(taken)))
				want = &order.ConflictError{Conflict: order.ConflictStale, Kind: order.KindOrder, ID: "stored"}
			case 3:
				change.Orders[0].ExternalID = "x"
				want = &order.ConflictError{Conflict: order.ConflictUnique, Kind: order.KindOrder, ID: fresh.ID, Field: "external_id"}
			}
			err := store.Apply(ctx, change)
			if want == nil && err != nil {
				t.Errorf("Apply %s: %v", fresh.ID, err)
			}
			if want != nil && (err == nil || refusal(t, err) != *want) {
				t.Errorf("Apply %s: %v, want %v", fresh.ID, err, want)
			}
			_, err = store.Orders().Get(ctx, "t", fresh.ID)
			if want == nil && err != nil || want != nil && !errors.Is(err, order.ErrNotFound) {
				t.Errorf("Get %s: %v", fresh.ID, err)
			}
		}
	})
	equal(t, "orders", len(ids(t, store, orders, "t", order.Query{Limit: 100})), 1+callers*rounds/3)
}

// testReadYourWrites: a read that begins after the answer sees the change, by every way of reading.
func testReadYourWrites(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	each(func(caller int) {
		tenant := fmt.Sprint("t", caller)
		for round := range 10 {
			id := fmt.Sprintf("%03d", round)
			key := Key(id)
			if err := store.Apply(ctx, keyed(tenant, id, key)); err != nil {
				t.Errorf("Apply: %v", err)
				return
			}
			_, err1 := store.Orders().Get(ctx, tenant, id)
			_, err2 := store.Outcome(ctx, tenant, key.Hash, key.NotSince)
			page, err3 := store.Orders().List(ctx, tenant, order.Query{Limit: 1, Descending: true})
			if err := errors.Join(err1, err2, err3); err != nil || len(page.Items) != 1 || page.Items[0].ID != id || page.More != (round > 0) {
				t.Errorf("after Apply of %s: %v, page %v", id, err, page)
			}
		}
	})
}

// testMonotonicReads: while orders change, nobody who has seen a version sees an older one later, by whatever way of
// reading.
func testMonotonicReads(t *testing.T, open Open) {
	const versions = 60
	store, ctx := start(t, open), t.Context()
	names := []string{"a", "b", "c"}
	for _, id := range names {
		Must(t, store, Orders("t", Order(id)))
	}
	var writers, readers sync.WaitGroup
	var done atomic.Bool
	for _, id := range names {
		writers.Go(func() {
			for o := Order(id); o.Version < versions; {
				next := Next(o)
				if err := store.Apply(ctx, Orders("t", next)); err != nil {
					t.Errorf("Apply: %v", err)
					return
				}
				o = next
			}
		})
	}
	for range callers {
		readers.Go(func() {
			seen := map[string]int64{}
			see := func(way string, o *order.Order, err error) {
				if err != nil {
					t.Errorf("%s: %v", way, err)
				} else if o.Version < seen[o.ID] {
					t.Errorf("%s answers version %d of %s after version %d", way, o.Version, o.ID, seen[o.ID])
				} else {
					seen[o.ID] = o.Version
				}
			}
			for !done.Load() && !t.Failed() {
				for _, id := range names {
					o, err := store.Orders().Get(ctx, "t", id)
					see("Get", o, err)
				}
				page, err := store.Orders().List(ctx, "t", order.Query{Limit: len(names)})
				for _, o := range page.Items {
					see("List", o, err)
				}
				many, err := store.Orders().GetMany(ctx, "t", names)
				for _, o := range many {
					see("GetMany", o, err)
				}
			}
		})
	}
	writers.Wait()
	done.Store(true)
	readers.Wait()
	for _, id := range names {
		o, err := store.Orders().Get(ctx, "t", id)
		ok(t, "Get", err)
		equal(t, "last version", o.Version, int64(versions))
	}
}
