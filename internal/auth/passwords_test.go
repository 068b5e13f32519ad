package auth

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// checkTime is how long a check takes in these tests, with the clock of a synctest bubble.
const checkTime = 50 * time.Millisecond

// guarded are passwords whose checks are counted and take checkTime. The password of everybody is their name.
type guarded struct {
	*passwords
	users        users
	checks       atomic.Int32
	atTheSame    atomic.Int32
	mostAtOnce   atomic.Int32
	checkedCosts sync.Map
}

const cost = 10

func newGuarded(names ...string) *guarded {
	g := &guarded{passwords: newPasswords(time.Now), users: users{byName: map[string]user{}}}
	for _, name := range names {
		g.add(name, name)
	}
	g.compare = func(hash, password []byte) error {
		g.checks.Add(1)
		now := g.atTheSame.Add(1)
		defer g.atTheSame.Add(-1)
		g.mostAtOnce.Store(max(now, g.mostAtOnce.Load()))
		cost, err := bcrypt.Cost(hash)
		if err != nil {
			return err
		}
		g.checkedCosts.Store(cost, true)
		time.Sleep(checkTime)
		if strings.HasSuffix(string(hash), "."+string(password)) {
			return nil
		}
		return bcrypt.ErrMismatchedHashAndPassword
	}
	return g
}

// add gives a user a password. What stands for the hash ends with it.
func (g *guarded) add(name, password string) {
	hash := fmt.Sprintf("$2a$%02d$", cost) + strings.Repeat(".", 53-len(password)) + password
	g.users.byName[name] = user{caller: Caller{Subject: "user:" + name}, hash: hash, cost: cost}
	g.users.costs = append(g.users.costs, cost)
}

func (g *guarded) try(name, password string) Cause { return g.tryFrom(Origin{}, name, password) }

func (g *guarded) tryFrom(origin Origin, name, password string) Cause {
	caller, err := g.verify(context.Background(), g.users, name, password, origin)
	var refused *Refusal
	switch {
	case errors.As(err, &refused):
		return refused.Cause
	case err == nil && caller.Subject == "user:"+name:
		return ""
	}
	return "something else"
}

func (g *guarded) expect(t *testing.T, name, password string, want Cause, checks int32) {
	t.Helper()
	before := g.checks.Load()
	if got := g.try(name, password); got != want {
		t.Errorf("%s:%s is %q, want %q", name, password, got, want)
	}
	if made := g.checks.Load() - before; made != checks {
		t.Errorf("%s:%s took %d checks, want %d", name, password, made, checks)
	}
}

func TestKnownPasswordsTakeNoCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann", "bob")
		g.expect(t, "ann", "ann", "", 1)
		g.expect(t, "ann", "ann", "", 0)
		g.expect(t, "bob", "ann", Unknown, 1) // right for somebody else
		for range 100 {
			g.expect(t, "bob", "ann", Unknown, 0) // the same one is no further attempt
		}
		g.expect(t, "eve", "ann", Unknown, 1)
		g.expect(t, "eve", "ann", Unknown, 0)
		g.expect(t, "bob", "bob", "", 1)
		// What is kept belongs to the line of the user.
		delete(g.users.byName, "ann")
		g.expect(t, "ann", "ann", Unknown, 1)
		g.add("ann", "new")
		g.expect(t, "ann", "ann", Unknown, 1)
		g.expect(t, "ann", "new", "", 1)
	})
}

func TestSamePasswordAtTheSameTimeTakesOneCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann")
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := g.try("ann", "ann"); got != "" {
					t.Errorf("got %q", got)
				}
			})
		}
		all.Wait()
		if got := g.checks.Load(); got != 1 {
			t.Errorf("%d checks", got)
		}
	})
}

func TestSeenPasswordPassesDuringAnAttack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann", "bob")
		g.expect(t, "ann", "ann", "", 1)
		for i := range 1000 {
			g.try("ann", fmt.Sprint("guess", i))
		}
		g.expect(t, "ann", "another", Throttled, 0)
		g.expect(t, "ann", "ann", "", 0)
		if made := g.checks.Load(); made != 1+freeAttempts {
			t.Errorf("%d checks", made)
		}
	})
}

// flood tries with ever new names and passwords, many at the same time, until it is stopped.
func (g *guarded) flood(clients int, name func(i int64) string) (stop func()) {
	var all sync.WaitGroup
	var stopped atomic.Bool
	var number atomic.Int64
	for range clients {
		all.Go(func() {
			for !stopped.Load() {
				i := number.Add(1)
				g.tryFrom(from(int(i%1000)), name(i), fmt.Sprint("guess", i))
				time.Sleep(checkTime)
			}
		})
	}
	return func() { stopped.Store(true); all.Wait() }
}

// A flood of names that nobody has takes little time of the processors, keeps nobody out, and can't be told from one
// that is looked at.
func TestFloodOfNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann", "bob", "eve")
		stop := g.flood(50, func(i int64) string { return fmt.Sprint("nobody", i) })
		defer stop()
		time.Sleep(time.Minute)
		g.checks.Store(0)
		time.Sleep(time.Minute)
		g.expectShare(t, nobodyShare)
		for _, name := range []string{"ann", "bob"} {
			began := time.Now()
			if got := g.try(name, name); got != "" {
				t.Errorf("%s is %q", name, got)
			}
			if took := time.Since(began); took > 3*checkTime {
				t.Errorf("%s had to wait for %v", name, took)
			}
		}
		for _, name := range []string{"eve", "another"} {
			began := time.Now()
			if got := g.try(name, "guess"); got != Unknown {
				t.Errorf("%s is %q", name, got)
			}
			if took := time.Since(began); took < checkTime-time.Millisecond || took > 3*checkTime {
				t.Errorf("%s was refused after %v", name, took)
			}
		}
	})
}

// Of one network only so many wait for a check; those of others still do.
func TestWaitingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann")
		slots := g.slotCount()
		g.slots.TryAcquire(slots) // nothing is checked
		var refused atomic.Int32
		var all sync.WaitGroup
		for i := range 10 * maxWaitingOfNetwork {
			all.Go(func() {
				began := time.Now()
				if g.tryFrom(from(1), fmt.Sprint("nobody", i), "x") == Throttled && time.Since(began) == 0 {
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if got := refused.Load(); got != 9*maxWaitingOfNetwork {
			t.Errorf("%d were refused at once", got)
		}
		g.slots.Release(slots)
		if got := g.try("ann", "ann"); got != "" {
			t.Errorf("another network: %q", got)
		}
		all.Wait()
	})
}

// expectShare looks at the checks of one minute: they take a share of the processors, all of it.
func (g *guarded) expectShare(t *testing.T, share float64) {
	t.Helper()
	want := time.Duration(share * float64(runtime.GOMAXPROCS(0)) * float64(time.Minute))
	if made := time.Duration(g.checks.Load()) * checkTime; made < want*9/10 || made > want*11/10 {
		t.Errorf("checks took %v in a minute, want %v", made, want)
	}
}

func (g *guarded) slotCount() (n int64) {
	for g.slots.TryAcquire(n + 1) {
		g.slots.Release(n + 1)
		n++
	}
	return n
}

// Who knows many names can use up the budget of users; whoever was seen before passes then, others get to know that it
// is not their password.
func TestBudgetOfUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for i := range 2000 {
			names = append(names, fmt.Sprint("user", i))
		}
		g := newGuarded(append(names, "ann", "bob")...)
		g.expect(t, "ann", "ann", "", 1)
		stop := g.flood(20, func(i int64) string { return names[i%int64(len(names))] })
		time.Sleep(30 * time.Second)
		g.checks.Store(0)
		time.Sleep(time.Minute)
		g.expectShare(t, wrongShare)
		if got := g.try("ann", "ann"); got != "" {
			t.Errorf("ann is %q", got)
		}
		if user, nobody := g.try("bob", "guess"), g.try("nobody", "guess"); user != nobody {
			t.Errorf("a user is %q, nobody %q", user, nobody)
		}
		stop()
		time.Sleep(time.Minute)
		g.expect(t, "bob", "bob", "", 1)
	})
}

func TestNoProcessorFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann")
		slots := g.slotCount()
		if !g.slots.TryAcquire(slots) {
			t.Fatal("no processor is free")
		}
		began := time.Now()
		for range 2 * freeAttempts {
			g.expect(t, "ann", "ann", Throttled, 0) // what is not looked at is no attempt
		}
		if waited := time.Since(began); waited != 2*freeAttempts*maxWait {
			t.Errorf("waited for %v", waited)
		}
		g.slots.Release(slots)
		g.expect(t, "ann", "ann", "", 1)
	})
}

// A name that nobody has is checked at a cost that users have, always the same.
func TestCostOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded("ann", "bob")
		g.users.costs = []int{4, 12}
		for i := range 20 {
			first := g.users.costs[g.number(fmt.Sprint(i))%2]
			g.checkedCosts.Clear()
			g.expect(t, fmt.Sprint(i), "a", Unknown, 1)
			g.expect(t, fmt.Sprint(i), "b", Unknown, 1)
			if _, ok := g.checkedCosts.Load(first); !ok {
				t.Errorf("not checked at the cost %d", first)
			}
			if _, ok := g.checkedCosts.Load(16 - first); ok {
				t.Errorf("checked at two costs")
			}
		}
	})
}

// TestMadeUpHash checks that bcrypt takes the hash that stands for nobody's.
func TestMadeUpHash(t *testing.T) {
	p := newPasswords(time.Now)
	users := users{byName: map[string]user{}, costs: []int{minCost}}
	var made error
	compare := p.compare
	p.compare = func(hash, password []byte) error {
		made = compare(hash, password)
		return made
	}
	if _, err := p.verify(t.Context(), users, "nobody", "guess", Origin{}); !errors.Is(err, ErrInvalid) || !errors.Is(made, bcrypt.ErrMismatchedHashAndPassword) {
		t.Errorf("got %v, bcrypt says %v", err, made)
	}
}

// Whatever is tried, only so much of it is kept.
func TestWhatIsKeptIsBounded(t *testing.T) {
	p := newPasswords(time.Now)
	for i := range maxNobody + maxUsers {
		guess := attempt{name: fmt.Sprint(i)}
		p.nobody.attempts.begin(guess, time.Now())
		p.nobody.attempts.end(guess, wrong, time.Now())
		p.nobody.wrong.Add(p.fact("", "", fmt.Sprint(i)), struct{}{})
	}
	kept := p.nobody.attempts
	if origins, names, facts := kept.byOrigin.Len(), kept.byName.Len(), p.nobody.wrong.Len(); origins > maxNobody || names > maxNobody || facts > maxWrong {
		t.Errorf("%d attempts, %d names, %d passwords", origins, names, facts)
	}
}
