package sqlite_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/storetest"
)

// TestKill kills a process that writes, many times, at random moments, and looks after each what is there.
func TestKill(t *testing.T) {
	const rounds = 20
	path := filepath.Join(t.TempDir(), "data", "orders.db")
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	acknowledged := map[string]int64{} // the last version, by id
	examined := map[string]int64{}     // the version that was found, by id
	for round := range rounds {
		p := startChild(t, childApplies, path)
		var lines []string
		if round%4 == 0 { // at any moment, even before there is a database
			<-time.After(time.Duration(random.IntN(40)) * time.Millisecond)
		} else {
			lines = p.acknowledged(t, 1+random.IntN(300))
		}
		for _, line := range append(lines, p.kill(t)...) {
			var id string
			var version int64
			if _, err := fmt.Sscan(line, &id, &version); err != nil {
				continue // cut off by the kill
			}
			acknowledged[id] = max(acknowledged[id], version)
		}
		examine(t, path, acknowledged, examined)
	}
	t.Logf("%d orders acknowledged", len(acknowledged))
	if len(acknowledged) < rounds {
		t.Errorf("only %d orders acknowledged", len(acknowledged))
	}
}

// examine compares what is stored with what was acknowledged. Every version of the orders that it has not seen before is
// looked at; the others must be as they were.
func examine(t *testing.T, path string, acknowledged, examined map[string]int64) {
	t.Helper()
	store, ctx := open(t, path), t.Context()
	stored := map[string]int64{}
	query := order.Query{Limit: 1000}
	for {
		page, err := store.Orders().List(ctx, "t", query)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Items {
			if stored[o.ID] != 0 {
				t.Fatalf("%s is there twice", o.ID)
			}
			stored[o.ID] = o.Version
			query.After = &order.Position{CreateTime: o.CreateTime, ID: o.ID}
		}
		if !page.More {
			break
		}
	}
	for id, version := range acknowledged {
		if stored[id] < version {
			t.Fatalf("version %d of %s was acknowledged, but %d is stored", version, id, stored[id])
		}
	}
	for id, version := range examined {
		if stored[id] != version {
			t.Fatalf("%s had version %d, and now %d", id, version, stored[id])
		}
	}
	for id, version := range stored {
		if examined[id] != 0 {
			continue
		}
		examined[id] = version
		for v := int64(1); v <= version+1; v++ {
			change := written(id, v)
			got, err := store.Orders().GetAt(ctx, "t", id, v)
			_, keyErr := store.Outcome(ctx, "t", change.Key.Hash, storetest.Epoch)
			if v > version {
				if !errors.Is(err, order.ErrNotFound) || !errors.Is(keyErr, order.ErrNotFound) {
					t.Fatalf("%s has version %d, but of %d there is: %v, %v", id, version, v, err, keyErr)
				}
				continue
			}
			if err != nil || keyErr != nil || got.Description != change.Orders[0].Description {
				t.Fatalf("version %d of %d of %s: %v, %v, %v", v, version, id, got, err, keyErr)
			}
		}
		// Who has no answer repeats the write: it is not made twice.
		var conflict *order.ConflictError
		if err := store.Apply(ctx, written(id, version)); !errors.As(err, &conflict) || conflict.Conflict != order.ConflictKey {
			t.Fatalf("repeating version %d of %s: %v", version, id, err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	db := connect(t, path)
	defer db.Close()
	var report string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&report); err != nil || report != "ok" {
		t.Fatalf("integrity_check: %s %v", report, err)
	}
	var count int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM history").Scan(&count); err != nil {
		t.Fatal(err)
	}
	for _, version := range stored {
		count -= int(version - 1)
	}
	if count != 0 {
		t.Fatalf("%d rows of history more than replaced versions", count)
	}
}

func TestFullDisk(t *testing.T) {
	p := startChild(t, childFillsUp, filepath.Join(t.TempDir(), "orders.db"))
	line := p.acknowledged(t, 1)[0]
	if err := p.command.Wait(); err != nil || line != childComplete {
		t.Errorf("%v, %s", err, &p.stderr)
	}
}

// TestPanic: a panic is the error of the change that it happened in, and of no other.
func TestPanic(t *testing.T) {
	store, ctx := open(t, filepath.Join(t.TempDir(), "orders.db")), t.Context()
	defer store.Close()
	var group sync.WaitGroup
	for caller := range 16 {
		group.Go(func() {
			for i := range 20 {
				if caller%4 == 0 {
					if err := store.Panic(ctx); err == nil || !strings.Contains(err.Error(), "panic") {
						t.Errorf("Panic: %v", err)
					}
				} else if err := store.Apply(ctx, written(fmt.Sprint(caller, "-", i), 1)); err != nil {
					t.Errorf("Apply: %v", err)
				}
			}
		})
	}
	group.Wait()
	page, err := store.Orders().List(ctx, "t", order.Query{Limit: 1000})
	if err != nil || len(page.Items) != 12*20 {
		t.Errorf("%d orders, want %d; %v", len(page.Items), 12*20, err)
	}
}

// TestLogStaysBounded writes much while there always is a reader: the write-ahead log must be cut nevertheless.
func TestLogStaysBounded(t *testing.T) {
	const (
		total = 128 << 20
		bound = 96 << 20
	)
	path := filepath.Join(t.TempDir(), "orders.db")
	store, ctx := open(t, path), t.Context()
	defer store.Close()
	db := connect(t, path)
	defer db.Close()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 3 { // their snapshots overlap
		readers.Go(func() {
			<-time.After(time.Duration(i) * 5 * time.Millisecond)
			for {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					t.Error(err)
					return
				}
				var count int
				if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM products").Scan(&count); err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
				case <-time.After(15 * time.Millisecond):
				}
				if err := tx.Rollback(); err != nil {
					t.Error(err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	largest := int64(0)
	text := strings.Repeat("x", 1<<20)
	for i := range total >> 20 {
		o := storetest.Order(fmt.Sprint(i))
		o.Description = text
		if err := store.Apply(ctx, storetest.Orders("t", o)); err != nil {
			t.Error(err)
			break
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		largest = max(largest, info.Size())
	}
	close(stop)
	readers.Wait()
	t.Logf("largest log: %d MiB", largest>>20)
	if largest > bound {
		t.Errorf("the log grew to %d MiB", largest>>20)
	}
}
