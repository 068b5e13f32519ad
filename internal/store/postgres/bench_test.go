package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/storetest"
)

func newOrder() *order.Change {
	o := storetest.Order(ulid.MustNew(ulid.Timestamp(time.Now()), rand.Reader).String())
	key := storetest.Key(o.ID)
	key.Time = time.Now()
	change := storetest.Orders("tenant-1", o)
	change.Key = key
	return change
}

// BenchmarkApply makes durable orders with an idempotency key each.
func BenchmarkApply(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			store := open(b, database(b, shared))
			defer store.Close()
			changes := make([]*order.Change, b.N)
			for i := range changes {
				changes[i] = newOrder()
			}
			var next atomic.Int64
			var group sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range callers {
				group.Go(func() {
					for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
						if err := store.Apply(context.Background(), changes[i]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
		})
	}
}

// BenchmarkGet reads one order under a context that can end, as that of a call does.
func BenchmarkGet(b *testing.B) {
	store := open(b, database(b, shared))
	defer store.Close()
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
