package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/store/storetest"
)

// What is cached is bounded by its size, however many resources are read and however large they are.
func TestCacheIsBounded(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "orders.db"))
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	large := strings.Repeat("x", 12<<10)
	for i := range 600 {
		o := storetest.Order(fmt.Sprint(i))
		o.Description = large
		storetest.Must(t, store, storetest.Orders("t", o))
		if _, err := store.Orders().Get(t.Context(), "t", o.ID); err != nil {
			t.Fatal(err)
		}
	}
	entries, bytes := store.Cached()
	if bytes > 4<<20 || entries == 0 || entries > 400 {
		t.Errorf("%d entries of %d bytes are cached", entries, bytes)
	}
	huge := storetest.Order("huge")
	huge.Description = strings.Repeat("x", 1<<20)
	storetest.Must(t, store, storetest.Orders("t", huge))
	if _, err := store.Orders().Get(t.Context(), "t", "huge"); err != nil {
		t.Fatal(err)
	}
	if after, _ := store.Cached(); after != entries {
		t.Errorf("a document of 1 MiB is cached: %d entries, then %d", entries, after)
	}
}
