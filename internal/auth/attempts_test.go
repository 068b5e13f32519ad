package auth

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An unknown name is answered as a known one is, and as late.
func TestGuessesAreSlowedDown(t *testing.T) {
	for _, name := range []string{"ann", "nobody"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuarded("ann", "bob")
				guess := 0
				next := func(want Cause, checks int32) {
					t.Helper()
					guess++
					began := time.Now()
					g.expect(t, name, fmt.Sprint("guess", guess), want, checks)
					if took := time.Since(began); took != time.Duration(checks)*checkTime {
						t.Errorf("the answer took %v", took)
					}
				}
				for range freeAttempts {
					next(Unknown, 1)
				}
				for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 120, 120} {
					for range 10 {
						next(Throttled, 0)
					}
					time.Sleep(pause*time.Second - checkTime - time.Millisecond) // pauses begin before the check
					next(Throttled, 0)
					time.Sleep(time.Millisecond)
					next(Unknown, 1)
				}
				next(Throttled, 0)
				g.expect(t, name, "guess1", Unknown, 0)
				g.expect(t, "bob", "bob", "", 1) // others have nothing of it
				time.Sleep(forgetAfter + time.Second)
				for range freeAttempts {
					next(Unknown, 1)
				}
				next(Throttled, 0)
			})
		})
	}
}

func TestRightPasswordForgetsGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann")
		for i := range 3 * freeAttempts {
			if i%freeAttempts == freeAttempts-1 {
				g.right.Purge()
				g.expect(t, "ann", "ann", "", 1)
				continue
			}
			g.expect(t, "ann", fmt.Sprint("guess", i), Unknown, 1)
		}
	})
}

// Many guesses of one name at the same time are no more than one after the other.
func TestGuessesAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann")
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() { g.try("ann", fmt.Sprint("guess", i)) })
		}
		all.Wait()
		if made := g.checks.Load(); made > freeAttempts {
			t.Errorf("%d checks", made)
		}
		if most := int64(g.mostAtOnce.Load()); !g.slots.TryAcquire(most) {
			t.Errorf("%d checks at the same time", most)
		}
	})
}

// from is an origin with a network of its own.
func from(n int) Origin { return Origin{Told: fmt.Sprintf("2001:db8:0:%x::1", n)} }

// Who guesses keeps nobody but themselves from trying.
func TestGuessesOfOneNetworkDontKeepAUserOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann")
		for began, i := time.Now(), 0; time.Since(began) < 2*time.Hour; time.Sleep(time.Second) {
			i++
			g.tryFrom(from(1), "ann", fmt.Sprint("guess", i))
		}
		if got := g.tryFrom(from(1), "ann", "another"); got != Throttled {
			t.Errorf("the network that guesses: %q", got)
		}
		if got := g.tryFrom(from(2), "ann", "ann"); got != "" {
			t.Errorf("the user: %q", got)
		}
	})
}

// Many networks together can't try more than so much with one name.
func TestGuessesOfManyNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann", "bob")
		guess := 0
		round := func() {
			for range 1000 {
				guess++
				g.tryFrom(from(guess), "ann", fmt.Sprint("guess", guess))
			}
		}
		round()
		if made := g.checks.Load(); made != nameBurst {
			t.Errorf("%d checks at first", made)
		}
		g.checks.Store(0)
		for began := time.Now(); time.Since(began) < time.Hour; time.Sleep(time.Minute) {
			round()
		}
		if made := g.checks.Load(); made > int32(time.Hour/namePace) {
			t.Errorf("%d checks in an hour", made)
		}
		if got := g.tryFrom(from(1), "bob", "bob"); got != "" {
			t.Errorf("another user: %q", got)
		}
	})
}
