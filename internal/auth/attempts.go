package auth

import (
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

const (
	// freeAttempts is how many wrong passwords of a user may be tried from one network without waiting.
	freeAttempts = 5
	// Each further one is followed by a pause, twice as long as the one before: of firstPause, and at most maxPause. Nobody
	// is held back in the pause, attempts in it are refused.
	firstPause = time.Second
	maxPause   = 2 * time.Minute
	// forgetAfter is how long after the last attempt nothing of it counts any more.
	forgetAfter = 15 * time.Minute

	// namePace and nameBurst bound what may be tried with a user's name from everywhere. Who waits for the pauses of one
	// network never reaches that, and so can't keep the user from a first login elsewhere; who has many networks can.
	namePace  = 10 * time.Second
	nameBurst = 30
)

// attempts counts the attempts with a password that have not been right, by the user and by where they come from.
type attempts struct {
	mu       sync.Mutex
	byOrigin *simplelru.LRU[attempt, record]
	byName   *simplelru.LRU[string, *rate.Limiter]
}

// attempt is who is tried to log in as, and from where.
type attempt struct {
	name    string
	network netip.Prefix
}

type record struct {
	count       int
	last, until time.Time
}

func newAttempts(size int) *attempts {
	byOrigin, _ := simplelru.NewLRU[attempt, record](size, nil) // fails for no size only
	byName, _ := simplelru.NewLRU[string, *rate.Limiter](size, nil)
	return &attempts{byOrigin: byOrigin, byName: byName}
}

// begin says whether an attempt may be made now. It counts as a wrong one until end says otherwise, so that many at the
// same time are not more than one after the other.
func (a *attempts) begin(key attempt, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pauseOf(key, now) > 0 {
		return false
	}
	r, _ := a.byOrigin.Get(key)
	if now.Sub(r.last) > forgetAfter {
		r = record{}
	}
	r.count++
	r.last = now
	if over := r.count - freeAttempts; over >= 0 {
		r.until = now.Add(min(firstPause<<min(over, 10), maxPause))
	}
	a.byOrigin.Add(key, r)
	return true
}

// pause is how long no attempt may be made.
func (a *attempts) pause(key attempt, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pauseOf(key, now)
}

func (a *attempts) pauseOf(key attempt, now time.Time) (pause time.Duration) {
	if r, ok := a.byOrigin.Get(key); ok {
		pause = max(r.until.Sub(now), 0)
	}
	if everywhere, ok := a.byName.Get(key.name); ok {
		if missing := 1 - everywhere.TokensAt(now); missing > 0 {
			pause = max(pause, time.Duration(missing*float64(namePace)))
		}
	}
	return pause
}

// end tells what an attempt has come to. A right one forgets the others, one that was not made doesn't count.
func (a *attempts) end(key attempt, result verdict, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch result {
	case right:
		a.byOrigin.Remove(key)
		a.byName.Remove(key.name)
	case wrong:
		everywhere, ok := a.byName.Get(key.name)
		if !ok {
			everywhere = rate.NewLimiter(rate.Every(namePace), nameBurst)
			a.byName.Add(key.name, everywhere)
		}
		everywhere.ReserveN(now, 1) // overdrawn by what ran at the same time
	default:
		r, _ := a.byOrigin.Get(key)
		if r.count--; r.count <= 0 {
			a.byOrigin.Remove(key)
			return
		}
		r.until = time.Time{}
		a.byOrigin.Add(key, r)
	}
}
