package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/internal/store/storetest"
)

// TestCanceledSearch: a search over everything ends with its caller, and its connection serves the next one.
func TestCanceledSearch(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "orders.db"))
	defer store.Close()
	for i := range 5 {
		change := storetest.Orders("t")
		for j := range 1000 {
			change.Orders = append(change.Orders, storetest.Order(fmt.Sprint(i, "-", j)))
		}
		storetest.Must(t, store, change)
	}
	nowhere := order.Query{Limit: 1, ItemContains: "what no title has"}
	canceled := 0
	for attempt := 0; canceled <= sqlite.Readers; attempt++ { // each connection more than once
		ctx, cancel := context.WithCancel(t.Context())
		stop := time.AfterFunc(time.Millisecond, cancel)
		_, err := store.Orders().List(ctx, "t", nowhere)
		stop.Stop()
		cancel()
		if errors.Is(err, context.Canceled) {
			canceled++
		} else if err != nil || attempt > 1000 {
			t.Fatalf("List: %v, after %d attempts", err, attempt)
		}
	}
	if page, err := store.Orders().List(t.Context(), "t", nowhere); err != nil || len(page) != 0 {
		t.Errorf("List: %d orders, %v", len(page), err)
	}
}

// BenchmarkList reads pages of 50.
func BenchmarkList(b *testing.B) {
	store := benchStore(b)
	change := storetest.Orders("t")
	for i := range 1000 {
		change.Orders = append(change.Orders, storetest.Order(fmt.Sprint(i)))
	}
	if err := store.Apply(b.Context(), change); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if page, err := store.Orders().List(b.Context(), "t", order.Query{Limit: 50}); err != nil || len(page) != 50 {
			b.Fatal(len(page), err)
		}
	}
}
