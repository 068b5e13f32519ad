package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
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
	for attempt := 0; canceled <= sqlite.SearchReaders; attempt++ { // each connection more than once
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
	if page, err := store.Orders().List(t.Context(), "t", nowhere); err != nil || len(page.Items) != 0 || page.More {
		t.Errorf("List: %d orders, more: %t, %v", len(page.Items), page.More, err)
	}
}

// TestBusySearches: while searches take every connection that they may have, other reads go on.
func TestBusySearches(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "orders.db"))
	defer store.Close()
	storetest.Must(t, store, storetest.Orders("t", storetest.Order("a")))
	search := order.Query{Limit: 1, ItemContains: "engine"}
	err := store.OccupySearches(t.Context(), func() {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if page, err := store.Orders().List(ctx, "t", order.Query{Limit: 1}); err != nil || len(page.Items) != 1 {
			t.Errorf("List: %d orders, %v", len(page.Items), err)
		}
		if _, err := store.Orders().Get(ctx, "t", "a"); err != nil {
			t.Errorf("Get: %v", err)
		}
		waits, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		if _, err := store.Orders().List(waits, "t", search); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a search without a connection: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if page, err := store.Orders().List(t.Context(), "t", search); err != nil || len(page.Items) != 1 {
		t.Errorf("search: %d orders, %v", len(page.Items), err)
	}
}

// TestRowAfterPage: of the row after a page, List only sees that it is there, and of the rows after that one nothing.
func TestRowAfterPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	store := open(t, path)
	defer store.Close()
	large := storetest.Order("b")
	large.Description = strings.Repeat("x", order.MaxPageBytes)
	storetest.Must(t, store, storetest.Orders("t", storetest.Order("a"), large, storetest.Order("c")))
	// A search fails at a row whose body is no JSON.
	alter(t, path, "UPDATE orders SET body = 'no document' WHERE id = 'c'")
	page, err := store.Orders().List(t.Context(), "t", order.Query{Limit: 10, ItemContains: "engine"})
	if err != nil || len(page.Items) != 1 || !page.More {
		t.Errorf("search: %d orders, more: %t, %v", len(page.Items), page.More, err)
	}
	alter(t, path, "UPDATE orders SET body = 'no document' WHERE id = 'b'")
	page, err = store.Orders().List(t.Context(), "t", order.Query{Limit: 1})
	if err != nil || len(page.Items) != 1 || !page.More {
		t.Errorf("List: %d orders, more: %t, %v", len(page.Items), page.More, err)
	}
	if _, err := store.Orders().List(t.Context(), "t", order.Query{Limit: 2}); err == nil {
		t.Error("List of what is no document: no error")
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
		if page, err := store.Orders().List(b.Context(), "t", order.Query{Limit: 50}); err != nil || len(page.Items) != 50 {
			b.Fatal(len(page.Items), err)
		}
	}
}
