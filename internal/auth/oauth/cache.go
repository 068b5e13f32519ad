package oauth

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"ordermanagement/internal/keyed"
)

// DefaultCacheEntries is how many tokens are remembered.
const DefaultCacheEntries = 5_000

// cache remembers what was found out about tokens: a bounded number of them, those that were asked for last.
type cache[V any] struct {
	entries *lru.Cache[keyed.Digest, entry[V]]
}

type entry[V any] struct {
	value V
	until time.Time
}

func newCache[V any](entries int) (*cache[V], error) {
	kept, err := lru.New[keyed.Digest, entry[V]](entries)
	return &cache[V]{kept}, err
}

func (c *cache[V]) get(d keyed.Digest, now time.Time) (value V, ok bool) {
	found, ok := c.entries.Get(d)
	if !ok {
		return value, false
	}
	if !now.Before(found.until) {
		c.entries.Remove(d)
		return value, false
	}
	return found.value, true
}

// put remembers a value until a time; what is over already isn't remembered.
func (c *cache[V]) put(d keyed.Digest, value V, now, until time.Time) {
	if now.Before(until) {
		c.entries.Add(d, entry[V]{value, until})
	}
}
