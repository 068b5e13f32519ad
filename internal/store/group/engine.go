// Package group makes changes in groups that share a transaction: what waits while the transactions before it run is made
// together, so that it shares the way to the disk. No caller is answered by the error of another.
package group

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Transactor makes groups of changes in a store. It is for one goroutine at a time.
type Transactor interface {
	// Transact does what all the requests of the group ask, or nothing of it. When it returns nil, it is durable. See
	// ErrBegin and ErrUnknown for errors that say more.
	Transact(group []*Request) error
	// Conflicting says whether the error may be that of a change that conflicts with what is stored.
	Conflicting(err error) bool
	// Diagnose looks for what each change conflicts with, in the order that order.Conflict gives; nil for those that
	// conflict with nothing that is stored, ErrMade for those that are there because they were made.
	Diagnose(group []*Request) []error
	// Fault turns an error into one that order.Store knows.
	Fault(err error) error
	// Rest is called after each group.
	Rest()
}

var (
	// ErrBegin: there was no transaction, for no fault of any request.
	ErrBegin = errors.New("no transaction")
	// ErrUnknown: whether the transaction was made can't be known.
	ErrUnknown = errors.New("the answer of the transaction was lost")
	// ErrRepeat, with ErrUnknown: the store may answer again soon.
	ErrRepeat = errors.New("to be repeated")
	// ErrMade: the transaction of which it wasn't known had made the change.
	ErrMade = errors.New("made before")
)

const (
	// maxTries bounds the transactions of a change that was refused, yet conflicts with nothing: what it met has gone.
	maxTries = 3
	// maxRepeats bounds the transactions of a change after one whose end isn't known.
	maxRepeats = 3
	// repeatPause is the time before the first repetition; it doubles, and is random to one half.
	repeatPause = 50 * time.Millisecond
)

// Limits bound what waits. The zero value has any number wait until their contexts end.
type Limits struct {
	Waiting  int           // requests at most that are not answered yet
	Patience time.Duration // longest time until a worker takes a request
	// Contention is the longest time for a request that a worker has taken before it is begun: others have its resources.
	Contention time.Duration
}

// Engine hands what waits to its workers.
type Engine struct {
	queue   *queue
	workers sync.WaitGroup
}

// New makes an engine, which Start gives its workers.
func New(limits Limits) *Engine { return &Engine{queue: newQueue(limits)} }

// Start begins a worker for each transactor. No two of them have the same resource in their groups at the same time.
func (e *Engine) Start(transactors ...Transactor) {
	for _, t := range transactors {
		e.workers.Go(func() {
			for group := e.queue.gather(); group != nil; group = e.queue.gather() {
				run(t, group)
				e.queue.release(group)
				t.Rest()
			}
		})
	}
}

// Do waits for a turn, and then for the answer. When the context ends before the turn, nothing is done.
func (e *Engine) Do(ctx context.Context, r *Request) error { return e.queue.do(ctx, r) }

// Close waits for the workers; nobody may be in Do any more.
func (e *Engine) Close() {
	close(e.queue.incoming)
	e.workers.Wait()
}

// run makes the changes of a group and answers each. The group is tried whole. When that fails, those that conflict with
// what is stored are answered and the rest is tried again; when there is none of those, each gets a transaction of its own.
func run(t Transactor, group []*Request) {
	for len(group) > 0 {
		group = waiting(group)
		err := transact(t, &group)
		if err == nil || errors.Is(err, ErrBegin) || errors.Is(err, ErrUnknown) || len(group) == 1 && !t.Conflicting(err) {
			answer(t, group, err)
			return
		}
		if !t.Conflicting(err) {
			break
		}
		rest := sortOut(t, group)
		if len(rest) == len(group) {
			break
		}
		group = rest
	}
	for _, r := range waiting(group) {
		alone(t, r)
	}
}

// alone makes one change in a transaction of its own and answers it.
func alone(t Transactor, r *Request) {
	var err error
	for range maxTries {
		group := []*Request{r}
		if err = transact(t, &group); !t.Conflicting(err) || len(sortOut(t, group)) == 0 {
			break
		}
	}
	answer(t, []*Request{r}, err)
}

// transact tries the group. When the answer gets lost, it repeats what has an idempotency key, which can't be made twice,
// and answers and takes out of the group what has none.
func transact(t Transactor, group *[]*Request) error {
	err := t.Transact(*group)
	pause := repeatPause
	for range maxRepeats {
		if !errors.Is(err, ErrRepeat) {
			break
		}
		var rest []*Request
		for _, r := range *group {
			if r.keyed() {
				r.Repeated = true
				rest = append(rest, r)
			} else {
				r.answer(t.Fault(err))
			}
		}
		if *group = waiting(rest); len(*group) == 0 {
			return nil
		}
		time.Sleep(pause/2 + rand.N(pause/2))
		pause *= 2
		if next := t.Transact(*group); errors.Is(next, ErrBegin) {
			err = fmt.Errorf("%w: %w: %w", ErrUnknown, ErrRepeat, next) // the one before may have been made
		} else {
			err = next
		}
	}
	return err
}

func answer(t Transactor, group []*Request, err error) {
	for _, r := range group {
		r.answer(t.Fault(err))
	}
}

// waiting answers those whose context has ended, and lists the others.
func waiting(group []*Request) []*Request {
	var rest []*Request
	for _, r := range group {
		if err := r.ctx.Err(); err != nil {
			r.answer(err)
		} else {
			rest = append(rest, r)
		}
	}
	return rest
}

// sortOut answers the requests that conflict with what is stored, and lists the others.
func sortOut(t Transactor, group []*Request) []*Request {
	var rest []*Request
	for i, err := range t.Diagnose(group) {
		switch r := group[i]; {
		case errors.Is(err, ErrMade):
			r.answer(nil)
		case err != nil:
			r.answer(t.Fault(err))
		default:
			rest = append(rest, r)
		}
	}
	return rest
}

// Contain is to be deferred by the methods of a Transactor: it turns a panic into the error of the one group that it
// happened in, after the clean-up.
func Contain(err *error, cleanup func()) {
	if p := recover(); p != nil {
		cleanup()
		*err = fmt.Errorf("panic in the writer: %v\n%s", p, debug.Stack())
	}
}
