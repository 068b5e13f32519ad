package sqlite

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"ordermanagement/internal/store/group"
)

// Bounds of the cache, in bytes of JSON; decoded, documents take two to three times as much.
const (
	maxCached     = 4 << 20
	maxCachedBody = 16 << 10 // of one document
	minCachedBody = 128      // no document is smaller
)

// cache keeps the current versions of resources that were read lately, decoded: that is most of what reading one costs.
// This process has the database to itself, so all that changes a resource passes the one writer, and no read can meet an
// older version here than in the database: a resource is taken out before its transaction commits, and comes back only
// by a read that has begun after that.
type cache struct {
	mu      sync.Mutex
	entries *simplelru.LRU[group.Resource, cached]
	bytes   int
	held    map[group.Resource]struct{} // in the transaction that runs
	commits uint64
}

type cached struct {
	document any // a pointer to what nobody changes any more
	bytes    int
}

func newCache() *cache {
	c := &cache{held: map[group.Resource]struct{}{}}
	c.entries, _ = simplelru.NewLRU(maxCached/minCachedBody, func(_ group.Resource, e cached) { c.bytes -= e.bytes }) // fails for no size only
	return c
}

// get finds the current version of a resource. What it answers when there is none here is to be given to put.
func (c *cache) get(r group.Resource) (document any, commits uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, _ := c.entries.Get(r)
	return entry.document, c.commits
}

// put keeps what a read has found that began when there had been so many commits.
func (c *cache) put(r group.Resource, document any, bytes int, commits uint64) {
	bytes = max(bytes, minCachedBody)
	if bytes > maxCachedBody {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, held := c.held[r]; held || c.commits != commits {
		return
	}
	c.entries.Remove(r)
	c.entries.Add(r, cached{document, bytes})
	for c.bytes += bytes; c.bytes > maxCached; {
		c.entries.RemoveOldest()
	}
}

// hold takes the resources of a group out, for as long as its transaction runs.
func (c *cache) hold(requests []*group.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range group.Resources(requests) {
		c.held[r] = struct{}{}
		c.entries.Remove(r)
	}
}

// release lets them in again, however the transaction has ended.
func (c *cache) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.held)
	c.commits++
}
