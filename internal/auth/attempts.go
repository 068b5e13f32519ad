package auth

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// freeAttempts is how many wrong passwords a user may try without waiting.
	freeAttempts = 5
	// Each further one is followed by a pause, twice as long as the one before: of firstPause, and at most maxPause. Nobody
	// is held back in the pause, attempts in it are refused.
	firstPause = time.Second
	maxPause   = 2 * time.Minute
	// forgetAfter is how long after the last attempt nothing of it counts any more.
	forgetAfter = 15 * time.Minute
)

// attempts counts the attempts with a password that have not been right, by user.
type attempts struct {
	mu     sync.Mutex
	byName *simplelru.LRU[string, record]
}

type record struct {
	count       int
	last, until time.Time
}

func newAttempts(size int) *attempts {
	byName, _ := simplelru.NewLRU[string, record](size, nil) // fails for no size only
	return &attempts{byName: byName}
}

// begin says whether an attempt may be made now. It counts as a wrong one until end says otherwise, so that many at the
// same time are not more than one after the other.
func (a *attempts) begin(name string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, _ := a.byName.Get(name)
	if now.Before(r.until) {
		return false
	}
	if now.Sub(r.last) > forgetAfter {
		r = record{}
	}
	r.count++
	r.last = now
	if over := r.count - freeAttempts; over >= 0 {
		r.until = now.Add(min(firstPause<<min(over, 10), maxPause))
	}
	a.byName.Add(name, r)
	return true
}

// end tells of an attempt that it was right, which forgets the others, or that it was not made.
func (a *attempts) end(name string, right bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, _ := a.byName.Get(name)
	if r.count--; right || r.count <= 0 {
		a.byName.Remove(name)
		return
	}
	r.until = time.Time{}
	a.byName.Add(name, r)
}
