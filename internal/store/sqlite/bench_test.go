package sqlite_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/internal/store/storetest"
)

func benchStore(b *testing.B) order.Store {
	store, err := sqlite.Open(b.Context(), sqlite.Options{Path: filepath.Join(b.TempDir(), "orders.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	return store
}

func newOrder() *order.Change {
	o := storetest.Order(ulid.MustNew(ulid.Timestamp(time.Now()), rand.Reader).String())
	key := storetest.Key(o.ID)
	key.Time = time.Now()
	change := storetest.Orders("tenant-1", o)
	change.Key = key
	return change
}

// BenchmarkCreate makes durable orders with an idempotency key each, from 1 caller (a transaction each) and from 64 (groups).
func BenchmarkCreate(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			store := benchStore(b)
			changes := make([]*order.Change, b.N)
			for i := range changes {
				changes[i] = newOrder()
			}
			var next atomic.Int64
			done := make(chan error, callers)
			b.ReportAllocs()
			b.ResetTimer()
			for range callers {
				go func() {
					for {
						i := int(next.Add(1)) - 1
						if i >= b.N {
							done <- nil
							return
						}
						if err := store.Apply(context.Background(), changes[i]); err != nil {
							done <- err
							return
						}
					}
				}()
			}
			for range callers {
				if err := <-done; err != nil {
					b.Error(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
		})
	}
}

// BenchmarkGet reads one order under a context that can end, as that of a call does.
func BenchmarkGet(b *testing.B) {
	store := benchStore(b)
	change := newOrder()
	if err := store.Apply(b.Context(), change); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Orders().Get(ctx, "tenant-1", change.Orders[0].ID); err != nil {
			b.Fatal(err)
		}
	}
}
