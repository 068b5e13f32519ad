package oauth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// DefaultCacheEntries is how many tokens are remembered.
const DefaultCacheEntries = 10_000

// digest stands for a token where it is remembered, so that no token is.
type digest [sha256.Size]byte

// hasher makes digests. Its key is random and nobody else's: nobody can choose tokens for the digests that they have.
type hasher struct{ states sync.Pool }

type hashState struct {
	mac   hash.Hash
	token []byte // hash.Hash takes bytes; copying into these allocates nothing
}

func newHasher() *hasher {
	var key [sha256.Size]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	return &hasher{states: sync.Pool{New: func() any {
		return &hashState{mac: hmac.New(sha256.New, key[:])}
	}}}
}

func (h *hasher) digest(token string) (d digest) {
	state := h.states.Get().(*hashState)
	state.token = append(state.token[:0], token...)
	state.mac.Write(state.token)
	state.token = state.mac.Sum(state.token[:0])
	d = digest(state.token)
	state.mac.Reset()
	h.states.Put(state)
	return d
}

// cache remembers what was found out about tokens: a bounded number of them, those that were asked for last.
type cache[V any] struct{ entries *lru.Cache[digest, entry[V]] }

type entry[V any] struct {
	value V
	until time.Time
}

func newCache[V any](entries int) (*cache[V], error) {
	kept, err := lru.New[digest, entry[V]](entries)
	return &cache[V]{kept}, err
}

func (c *cache[V]) get(d digest, now time.Time) (value V, ok bool) {
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
func (c *cache[V]) put(d digest, value V, now, until time.Time) {
	if now.Before(until) {
		c.entries.Add(d, entry[V]{value, until})
	}
}
