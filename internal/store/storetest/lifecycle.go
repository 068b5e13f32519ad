package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"ordermanagement/internal/order"
)

// calls are all methods of a store that can fail, as far as they take a context.
func calls(store order.Store) map[string]func(context.Context) error {
	list := map[string]func(context.Context) error{
		"Apply": func(ctx context.Context) error { return store.Apply(ctx, Orders("t", Order("new"))) },
		"Outcome": func(ctx context.Context) error {
			_, err := store.Outcome(ctx, "t", Key("k").Hash, time.Time{})
			return err
		},
		"Sweep": func(ctx context.Context) error { _, err := store.Sweep(ctx, Epoch); return err },
		"Ping":  store.Ping,
	}
	readerCalls(list, "Orders", store.Orders())
	readerCalls(list, "Products", store.Products())
	readerCalls(list, "Shipments", store.Shipments())
	return list
}

func readerCalls[T any](list map[string]func(context.Context) error, name string, reader order.Reader[T]) {
	list[name+".Get"] = func(ctx context.Context) error { _, err := reader.Get(ctx, "t", "a"); return err }
	list[name+".View"] = func(ctx context.Context) error { _, err := reader.View(ctx, "t", "a"); return err }
	list[name+".GetAt"] = func(ctx context.Context) error { _, err := reader.GetAt(ctx, "t", "a", 1); return err }
	list[name+".GetMany"] = func(ctx context.Context) error { _, err := reader.GetMany(ctx, "t", []string{"a"}); return err }
	list[name+".List"] = func(ctx context.Context) error { _, err := reader.List(ctx, "t", order.Query{Limit: 1}); return err }
}

func testClosed(t *testing.T, open Open) {
	store := start(t, open)
	ok(t, "Ping", store.Ping(t.Context()))
	ok(t, "Close", store.Close())
	for name, call := range calls(store) {
		is(t, name, call(t.Context()), order.ErrUnavailable)
	}
}

// testCloseWaits closes the store in the middle of writes: what was answered is there, what was refused is not.
func testCloseWaits(t *testing.T, open Open) {
	store := start(t, open)
	var made atomic.Int32
	var answers [callers]map[string]error
	closed := make(chan error, 1)
	each(func(caller int) {
		answers[caller] = map[string]error{}
		for i := 0; ; i++ {
			id := fmt.Sprint(caller, "-", i)
			err := store.Apply(context.Background(), Orders("t", Order(id)))
			answers[caller][id] = err
			if err != nil {
				return
			}
			if made.Add(1) == 100 {
				closed <- store.Close()
			}
		}
	})
	ok(t, "Close", <-closed)
	store = start(t, open)
	for _, list := range answers {
		for id, answer := range list {
			_, err := store.Orders().Get(t.Context(), "t", id)
			if answer == nil {
				ok(t, "Get of what was made", err)
				continue
			}
			is(t, "Apply", answer, order.ErrUnavailable)
			is(t, "Get of what was refused", err, order.ErrNotFound)
		}
	}
}

func testContexts(t *testing.T, open Open) {
	store := start(t, open)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, call := range calls(store) {
		is(t, name, call(canceled), context.Canceled)
		is(t, name, call(expired), context.DeadlineExceeded)
	}
	_, err := store.Orders().Get(t.Context(), "t", "new")
	is(t, "Get of what was canceled", err, order.ErrNotFound)

	// Contexts that end in the middle: afterwards a change is there as a whole or not at all, and the store goes on.
	each(func(caller int) {
		for i := range 20 {
			id := fmt.Sprint(caller, "-", i)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- store.Apply(ctx, keyed("t", id, Key(id))) }()
			if i%2 == 0 {
				_ = store.Ping(ctx)
			}
			cancel()
			err := <-done
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Apply: %v", err)
			}
			if err := store.Apply(t.Context(), Orders("t", Order("after-"+id))); err != nil {
				t.Errorf("Apply afterwards: %v", err)
			}
			// What was canceled in the middle may still be under way. Making it again waits for that, and finds all of it or
			// nothing: half of it would be another conflict, or missing.
			again := store.Apply(t.Context(), keyed("t", id, Key(id)))
			if again == nil && err == nil {
				t.Errorf("Apply of %s: made twice", id)
			} else if again != nil && refusal(t, again).Conflict != order.ConflictKey {
				t.Errorf("Apply again: %v", again)
			}
			_, getErr := store.Orders().Get(t.Context(), "t", id)
			_, outcomeErr := store.Outcome(t.Context(), "t", Key(id).Hash, time.Time{})
			if getErr != nil || outcomeErr != nil {
				t.Errorf("Get: %v, Outcome: %v", getErr, outcomeErr)
			}
		}
	})
}

func testReopen(t *testing.T, open Open) {
	store := start(t, open)
	change := &order.Change{
		Tenant: "t", Orders: []*order.Order{MaximalOrder("a")}, Products: []*order.Product{Product("p")},
		Shipments: []*order.Shipment{Shipment("s")}, Key: Key("k"),
	}
	Must(t, store, change)
	next := Next(change.Orders[0])
	Must(t, store, Orders("t", next))
	for range 2 {
		ok(t, "Close", store.Close())
		store = start(t, open)
		ctx := t.Context()
		got, err := store.Orders().Get(ctx, "t", "a")
		ok(t, "Get", err)
		equal(t, "order", got, next)
		got, err = store.Orders().GetAt(ctx, "t", "a", 1)
		ok(t, "GetAt", err)
		equal(t, "version 1", got, change.Orders[0])
		product, err := store.Products().Get(ctx, "t", "p")
		ok(t, "Get", err)
		equal(t, "product", product, change.Products[0])
		shipment, err := store.Shipments().Get(ctx, "t", "s")
		ok(t, "Get", err)
		equal(t, "shipment", shipment, change.Shipments[0])
		outcome, err := store.Outcome(ctx, "t", Key("k").Hash, Key("k").NotSince)
		ok(t, "Outcome", err)
		equal(t, "made", outcome.Made, change.Refs())
		conflicts(t, store, Orders("t", Order("a")), order.ConflictError{Conflict: order.ConflictExists, Kind: order.KindOrder, ID: "a"})
	}
}
