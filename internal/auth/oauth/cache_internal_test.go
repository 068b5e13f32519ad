package oauth

import (
	"strconv"
	"testing"
	"time"

	"ordermanagement/internal/keyed"
)

// Tokens that are remembered are few, however many are shown, and what is over is forgotten.
func TestCacheIsBounded(t *testing.T) {
	const entries = 100
	hasher, now := keyed.New(), time.Now()
	cache, err := newCache[int](entries)
	if err != nil {
		t.Fatal(err)
	}
	const shown = 100_000
	for i := range shown {
		cache.put(hasher.Of(strconv.Itoa(i)), i, now, now.Add(time.Minute))
	}
	if n := cache.entries.Len(); n != entries {
		t.Errorf("%d are remembered, want %d", n, entries)
	}
	last := hasher.Of(strconv.Itoa(shown - 1))
	if value, ok := cache.get(last, now); !ok || value != shown-1 {
		t.Errorf("got %d, %t", value, ok)
	}
	if _, ok := cache.get(hasher.Of("0"), now); ok {
		t.Error("the first of them is remembered")
	}
	if _, ok := cache.get(last, now.Add(time.Minute)); ok || cache.entries.Len() != entries-1 {
		t.Error("what is over is remembered")
	}
	cache.put(last, 1, now, now)
	if cache.entries.Len() != entries-1 {
		t.Error("what is over already is remembered")
	}
	if keyed.New().Of("0") == hasher.Of("0") {
		t.Error("the digests of two hashers are the same")
	}
}
