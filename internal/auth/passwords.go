package auth

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"ordermanagement/internal/crowd"
	"ordermanagement/internal/follow"
	"ordermanagement/internal/keyed"
)

const (
	// slotShare of the processors may run bcrypt at the same time, but one always.
	slotShare = 0.5
	// maxWait is how long a check waits for one of them.
	maxWait = 2 * time.Second
	// maxWaiting and maxWaitingOfNetwork are how many checks may run or wait at the same time, in all and of those who come
	// from one network. Whoever waits takes something of the gateway and the server meanwhile.
	maxWaiting          = 256
	maxWaitingOfNetwork = 32
	// wrongShare and nobodyShare of all processors' time may go to wrong passwords of users, and of names that nobody has.
	wrongShare  = 0.1
	nobodyShare = 0.02

	// maxUsers is what fits into an htpasswd file, the shortest line of which has 63 bytes. What is kept by user, with this
	// bound, is never pushed out by what others try; only attempts, which count by network too, can be.
	maxUsers = follow.MaxBytes / 63
	// maxWrong is how many wrong passwords are remembered, of users and of names that nobody has.
	maxWrong = 8 << 10
	// maxNobody is for how many names that nobody has attempts are counted; the oldest are forgotten first.
	maxNobody = 16 << 10
)

// passwords finds out whether passwords are right, and keeps those who guess from using up the processors.
//
// What bcrypt has found out is kept, by a keyed hash of the name, the password and the bcrypt hash, so that it never has
// to be taken back: a user whose line in the htpasswd file changes or goes has nothing kept, one whose line stays keeps
// it when the files are read again. A right password that was seen before therefore costs no bcrypt and passes whatever
// is going on. One that is known to be wrong costs none either.
//
// Any other password is checked, the same one once at the same time, if all of this allows it:
//   - who tries is not in a pause after wrong passwords for this user ([attempts]);
//   - the time that wrong passwords of users may take is not used up: only who knows many names, or has many networks,
//     can do that, since the pauses grow;
//   - a processor is free soon. Who waits is served in order. Checks are short, and those that a flood has no budget for
//     give their place back at once, so a flood does not keep a new caller out.
//
// A name that nobody has is treated alike, with a made-up hash, so that neither the answer nor its time tells who exists.
// Its checks have a small budget of their own; when that is used up, the answer takes the time of a check, but no
// processor. So a flood of made-up names neither takes the processors nor the budget of users. Two differences are left to
// who goes to such lengths: under a flood, several attempts at once with a user's name wait for each other, those with a
// made-up name don't; and attempts with made-up names, of which only so many are kept, are forgotten earlier.
type passwords struct {
	now     func() time.Time
	compare func(hash, password []byte) error
	hasher  *keyed.Hasher
	right   *lru.Cache[fact, struct{}]
	users   ledger
	nobody  ledger
	flights singleflight.Group
	slots   *semaphore.Weighted
	waiting *crowd.Crowd[netip.Prefix]
	round   atomic.Int64 // how long the last check took, in ns, divided by its 2^cost rounds
}

// fact is the keyed hash of a name, a password, and the bcrypt hash that it fits or doesn't.
type fact = keyed.Digest

// ledger is what is kept of wrong passwords.
type ledger struct {
	wrong    *lru.Cache[fact, struct{}]
	attempts *attempts
	budget   budget
}

func newLedger(names int, share float64) ledger {
	wrong, _ := lru.New[fact, struct{}](maxWrong) // fails for no size only
	return ledger{wrong, newAttempts(names), newBudget(share)}
}

func newPasswords(now func() time.Time) *passwords {
	processors := float64(runtime.GOMAXPROCS(0))
	p := &passwords{
		now:     now,
		hasher:  keyed.New(),
		compare: bcrypt.CompareHashAndPassword,
		users:   newLedger(maxUsers, wrongShare*processors),
		nobody:  newLedger(maxNobody, nobodyShare*processors),
		waiting: crowd.New[netip.Prefix](maxWaiting, maxWaitingOfNetwork),
		slots:   semaphore.NewWeighted(max(1, int64(slotShare*processors))),
	}
	p.right, _ = lru.New[fact, struct{}](maxUsers)
	return p
}

// verify finds the caller of a user name and password.
func (p *passwords) verify(ctx context.Context, users users, name, password string, origin Origin) (Caller, error) {
	password, err := preparePassword(password)
	if err != nil {
		return Caller{}, Refuse(KindBasic, Malformed, err.Error())
	}
	user, known := users.byName[name]
	if !known && !credentialName.MatchString(name) {
		return Caller{}, Refuse(KindBasic, Unknown, "nobody can have this user name")
	}
	fact := p.fact(name, user.hash, password)
	if known && p.right.Contains(fact) {
		return user.caller, nil
	}
	c := check{fact: fact, attempt: attempt{name, origin.Network()}, hash: user.hash, cost: user.cost, ledger: &p.users}
	if !known {
		c.ledger = &p.nobody
		c.cost = users.costs[p.number(name)%uint64(len(users.costs))]
		c.hash = fmt.Sprintf("$2a$%02d$", c.cost) + strings.Repeat(".", 53)
	}
	found, _, _ := p.flights.Do(string(fact[:]), func() (any, error) { return p.check(ctx, c, known, password), nil })
	result := found.(verdict)
	switch {
	case result == paused:
		refused := Refuse(KindBasic, Throttled, "too many wrong passwords for this user, from here or from everywhere")
		refused.RetryAfter = c.ledger.attempts.pause(c.attempt, p.now())
		return Caller{}, refused
	case result == busy:
		return Caller{}, Refuse(KindBasic, Throttled, "too many wrong passwords, or too many at the same time")
	case !known:
		return Caller{}, Refuse(KindBasic, Unknown, "nobody has this user name")
	case result == wrong:
		return Caller{}, Refuse(KindBasic, Unknown, "the password of "+name+" is wrong")
	}
	return user.caller, nil
}

// fact is unambiguous: neither names nor bcrypt hashes hold a colon.
func (p *passwords) fact(name, hash, password string) fact {
	return p.hasher.Of(name, ":", hash, ":", password)
}

// number is a random number that is always the same for a name.
func (p *passwords) number(name string) uint64 {
	fact := p.fact(name, "", "")
	return binary.BigEndian.Uint64(fact[:])
}

// check is a password to be checked.
type check struct {
	fact    fact
	attempt attempt
	hash    string
	cost    int
	ledger  *ledger
}

// verdict is what a check has found out.
type verdict int

const (
	right  verdict = iota
	wrong          // counted as an attempt
	paused         // not looked at: the user has tried too often
	busy           // not looked at: there is no time for it now
)

func (p *passwords) check(ctx context.Context, c check, known bool, password string) verdict {
	// Another check of the same password may have ended in between.
	if known && p.right.Contains(c.fact) {
		return right
	}
	if c.ledger.wrong.Contains(c.fact) {
		return wrong
	}
	if !c.ledger.attempts.begin(c.attempt, p.now()) {
		return paused
	}
	result := p.run(ctx, c, password)
	switch {
	case result == right && known:
		p.right.Add(c.fact, struct{}{})
	case result != busy:
		result = wrong
		c.ledger.wrong.Add(c.fact, struct{}{})
	}
	c.ledger.attempts.end(c.attempt, result, p.now())
	return result
}

// run runs bcrypt, if there is time for it. It does not end with the context: others may wait for the same result,
// and bcrypt can't be stopped.
func (p *passwords) run(ctx context.Context, c check, password string) verdict {
	if !p.waiting.Enter(c.attempt.network, 1) {
		return busy
	}
	defer p.waiting.Leave(c.attempt.network, 1)
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxWait)
	defer cancel()
	if p.slots.Acquire(waiting, 1) != nil {
		return busy
	}
	started := p.now()
	switch {
	case !p.users.budget.left(started):
		p.slots.Release(1)
		return busy
	case !c.ledger.budget.left(started):
		p.slots.Release(1)
		time.Sleep(time.Duration(p.round.Load() << c.cost))
		return wrong
	}
	err := p.compare([]byte(c.hash), []byte(password))
	ended := p.now()
	took := ended.Sub(started)
	p.round.Store(int64(took) >> c.cost)
	if err != nil {
		c.ledger.budget.use(ended, took)
	}
	p.slots.Release(1)
	if err != nil {
		return wrong
	}
	return right
}
