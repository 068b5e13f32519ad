package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/postgres"
	"ordermanagement/internal/store/postgres/pgtest"
	"ordermanagement/internal/store/storetest"
)

// load writes until it is stopped: it makes orders, each with a key, and adds versions to one that all callers share.
type load struct {
	store    order.Store
	stop     atomic.Bool
	callers  sync.WaitGroup
	mu       sync.Mutex
	made     []*order.Change // acknowledged
	refused  []*order.Change // ended with ErrUnavailable: it may have been made
	answered atomic.Int64
}

const loadCallers = 12

func startLoad(t *testing.T, store order.Store) *load {
	l := &load{store: store}
	for caller := range loadCallers {
		l.callers.Go(func() {
			for i := 0; !l.stop.Load(); i++ {
				id := fmt.Sprintf("%d-%d", caller, i)
				change := storetest.Orders("t", storetest.Order(id))
				if i%2 == 0 {
					change.Key = storetest.Key(id)
				}
				err := store.Apply(context.Background(), change)
				if err != nil && !errors.Is(err, order.ErrUnavailable) {
					t.Errorf("Apply: %v", err)
				}
				l.mu.Lock()
				if err == nil {
					l.made = append(l.made, change)
				} else {
					l.refused = append(l.refused, change)
				}
				l.mu.Unlock()
				if err == nil {
					l.answered.Add(1)
				} else {
					<-time.After(10 * time.Millisecond) // a caller waits before the next try
				}
			}
		})
	}
	return l
}

// more waits until so many more changes were acknowledged, and says how long that took.
func (l *load) more(t *testing.T, count int64) time.Duration {
	t.Helper()
	begin, from := time.Now(), l.answered.Load()
	for l.answered.Load() < from+count {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("%d changes in 30 s", l.answered.Load()-from)
		}
		<-time.After(time.Millisecond)
	}
	return time.Since(begin)
}

// check ends the load and compares what is stored with what was acknowledged.
func (l *load) check(t *testing.T) {
	t.Helper()
	l.stop.Store(true)
	l.callers.Wait()
	ctx := t.Context()
	for _, change := range l.made {
		if _, err := l.store.Orders().Get(ctx, "t", change.Orders[0].ID); err != nil {
			t.Errorf("acknowledged, but %v", err)
		}
	}
	for _, change := range l.refused {
		_, getErr := l.store.Orders().Get(ctx, "t", change.Orders[0].ID)
		if change.Key == nil {
			continue
		}
		_, keyErr := l.store.Outcome(ctx, "t", change.Key.Hash, change.Key.NotSince)
		if errors.Is(getErr, order.ErrNotFound) != errors.Is(keyErr, order.ErrNotFound) {
			t.Errorf("half of a change: %v, %v", getErr, keyErr)
		}
		// The caller tries again, as callers do, and it is there once.
		err := l.store.Apply(ctx, change)
		var conflict *order.ConflictError
		if err != nil && (!errors.As(err, &conflict) || conflict.Conflict != order.ConflictKey || keyErr != nil) {
			t.Errorf("again: %v", err)
		}
	}
	t.Logf("%d acknowledged, %d unavailable", len(l.made), len(l.refused))
}

// TestRestart: the server goes away under load, in every way, and comes back. The store needs no help.
func TestRestart(t *testing.T) {
	t.Parallel()
	server := start(t)
	store := open(t, database(t, server))
	defer store.Close()
	l := startLoad(t, store)
	for name, end := range map[string]func() error{"stopped": server.Stop, "crashed": server.Crash, "killed": server.Kill} {
		l.more(t, 100)
		if err := errors.Join(end(), server.Run(t.Context())); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: writes again %s after the server answers", name, l.more(t, 1))
	}
	l.more(t, 100)
	l.check(t)
}

// TestFailover: the primary is killed under load, and its synchronous standby takes over.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary := start(t)
	name := primary.CreateDatabase(t)
	if err := postgres.Migrate(t.Context(), postgres.Options{URL: primary.URL(name)}); err != nil {
		t.Fatal(err)
	}
	standby, err := primary.StartStandby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Close()
	store := open(t, postgres.Options{URL: primary.URL(name, standby)})
	defer store.Close()
	l := startLoad(t, store)
	l.more(t, 100)
	if err := errors.Join(primary.Kill(), standby.Promote(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Logf("writes again %s after the promotion", l.more(t, 1))
	l.more(t, 100)
	l.check(t)
}

// TestReadOnly: a server that takes no writes any more is left at the first error, and found again.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	server := start(t)
	name := server.CreateDatabase(t)
	options := postgres.Options{URL: server.URL(name)}
	if err := postgres.Migrate(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	store := open(t, options)
	defer store.Close()
	readOnly := func(value string) {
		server.Exec(t, name, "ALTER SYSTEM SET default_transaction_read_only = "+value, "SELECT pg_reload_conf()")
	}
	storetest.Must(t, store, newOrder())
	readOnly("on")
	eventually(t, "Apply is refused", func() bool { return errors.Is(store.Apply(t.Context(), newOrder()), order.ErrUnavailable) })
	readOnly("off")
	eventually(t, "Apply works", func() bool { return store.Apply(t.Context(), newOrder()) == nil })
}

func eventually(t *testing.T, what string, happens func() bool) {
	t.Helper()
	for begin := time.Now(); !happens(); <-time.After(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// TestHang: a server that stands still costs each caller no more than the time for a statement and for its turn.
func TestHang(t *testing.T) {
	t.Parallel()
	server := start(t)
	options := database(t, server)
	options.Timeout = 500 * time.Millisecond
	store := open(t, options)
	defer store.Close()
	storetest.Must(t, store, newOrder())
	// Waiting for a turn and for a connection, and twice the time of a statement with the second that it has to be told in,
	// since a write may wait for another; and as much again, for a machine that is busy.
	const bound = 2 * (2*postgres.Patience + 2*1500*time.Millisecond)
	if err := server.Hang(); err != nil {
		t.Fatal(err)
	}
	var callers sync.WaitGroup
	for i := range 40 {
		callers.Go(func() {
			begin := time.Now()
			var err error
			if i%2 == 0 {
				err = store.Apply(context.Background(), newOrder())
			} else {
				_, err = store.Orders().Get(context.Background(), "t", "a")
			}
			if took := time.Since(begin); !errors.Is(err, order.ErrUnavailable) || took > bound {
				t.Errorf("call %d: %v after %s", i, err, took)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := store.Apply(ctx, newOrder()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Apply with a deadline: %v", err)
	}
	callers.Wait()
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Apply works", func() bool { return store.Apply(t.Context(), newOrder()) == nil })
}

// TestExhausted: when no connection is free, calls are answered soon, and all of them.
func TestExhausted(t *testing.T) {
	t.Parallel()
	options := database(t, shared)
	options.Connections = 2
	store := open(t, options)
	defer store.Close()
	err := store.Occupy(t.Context(), func() {
		begin := time.Now()
		var callers sync.WaitGroup
		for i := range 500 {
			callers.Go(func() {
				var err error
				switch i % 3 {
				case 0:
					err = store.Apply(context.Background(), newOrder())
				case 1:
					_, err = store.Orders().Get(context.Background(), "t", "a")
				default:
					_, err = store.Orders().List(context.Background(), "t", order.Query{Limit: 1})
				}
				if !errors.Is(err, order.ErrUnavailable) {
					t.Errorf("call %d: %v", i, err)
				}
			})
		}
		callers.Wait()
		if took := time.Since(begin); took > 5*postgres.Patience {
			t.Errorf("answers took %s", took)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Must(t, store, newOrder())
}

// TestServerFull: a server that takes no more connections is unavailable, not broken.
func TestServerFull(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context(), pgtest.Options{Settings: map[string]string{"max_connections": "5", "superuser_reserved_connections": "0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	options := database(t, server)
	store := open(t, options)
	defer store.Close()
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			_, err := store.Orders().Get(context.Background(), "t", "a")
			if !errors.Is(err, order.ErrNotFound) && !errors.Is(err, order.ErrUnavailable) {
				t.Errorf("Get: %v", err)
			}
		})
	}
	callers.Wait()
}
