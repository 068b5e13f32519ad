package durability

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"ordermanagement/e2e/process"
)

const (
	roundLimit = time.Minute // for the calls of one round
	pollEvery  = 5 * time.Millisecond
	// maxReplays is how many acknowledged writes of each writer are repeated after a restart.
	maxReplays = 8
)

// A round starts the service, checks that the history explains what is there, repeats writes that were acknowledged,
// and lets the writers write until the service is gone.
type round struct {
	writers []*writer
	dataDir string
	fault   func(testing.TB, *process.Service) // makes the service go while the writers write
}

func (r round) run(t *testing.T) {
	t.Helper()
	service := program.Start(t, process.Config{DataDir: r.dataDir})
	c := connect(t, service)
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	verify(ctx, t, c, r.writers)
	done, pending := pendingWrites(r.writers)
	t.Logf("%d writes had no answer; %d of them are done", pending, done)

	var group sync.WaitGroup
	before := acknowledged(r.writers)
	for _, w := range r.writers {
		group.Go(func() { w.run(ctx, c) })
	}
	gone := make(chan struct{})
	go func() {
		group.Wait()
		close(gone)
	}()
	awaitAcknowledged(t, r.writers, before+int64(4*len(r.writers)), gone)
	r.fault(t, service)
	<-gone
	t.Logf("%d writes acknowledged", acknowledged(r.writers)-before)
}

// settle starts the service once more, checks what is there, looks at it, repeats what is pending, and checks again.
func settle(t *testing.T, dataDir string, writers []*writer, look func()) {
	t.Helper()
	service := program.Start(t, process.Config{DataDir: dataDir})
	c := connect(t, service)
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	verify(ctx, t, c, writers)
	look()
	for _, w := range writers {
		if w.pending != nil && !w.do(ctx, c) {
			t.Errorf("writer %s: the repeat has no answer", w.name)
		}
	}
	verify(ctx, t, c, writers)
	service.Stop(t)
}

// verify checks what is stored, and repeats some of what was acknowledged: that must be answered with what it was
// answered with, and change nothing.
func verify(ctx context.Context, t *testing.T, c *calls, writers []*writer) {
	t.Helper()
	stored, err := c.list(ctx)
	if err != nil {
		t.Fatal(err)
	}
	check(t, writers, stored)
	for _, w := range writers {
		w.replay(ctx, c)
	}
	again, err := c.list(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != len(stored) {
		t.Errorf("%d orders after the repeats, %d before", len(again), len(stored))
	}
	check(t, writers, again)
	if t.Failed() {
		t.FailNow()
	}
}

// replay repeats acknowledged writes, over either protocol, whichever they were made over.
func (w *writer) replay(ctx context.Context, c *calls) {
	for _, i := range w.random.Perm(len(w.entries))[:min(maxReplays, len(w.entries))] {
		e := w.entries[i]
		if e.created == nil {
			continue
		}
		for _, way := range []protocol{overGRPC, overREST} {
			answer, replayed, err := c.create(ctx, way, e.key, e.request)
			if err != nil || !replayed || !proto.Equal(answer, e.created) {
				w.t.Errorf("create %s repeated over %s: replay %t, %v\n%v, want\n%v", e.key, way, replayed, err, answer, e.created)
			}
			if e.confirmed == nil {
				continue
			}
			answer, replayed, err = c.confirm(ctx, way, e.confirmKey, e.created.GetName())
			if err != nil || !replayed || !proto.Equal(answer, e.confirmed) {
				w.t.Errorf("confirm %s repeated over %s: replay %t, %v\n%v, want\n%v", e.key, way, replayed, err, answer, e.confirmed)
			}
		}
	}
}

// pendingWrites counts the writes without an answer, and those of them that the check after the restart found done.
func pendingWrites(writers []*writer) (done, all int) {
	for _, w := range writers {
		if w.pending == nil {
			continue
		}
		if all++; w.pending.applied {
			done++
		}
	}
	return done, all
}

func acknowledged(writers []*writer) (sum int64) {
	for _, w := range writers {
		sum += w.acks.Load()
	}
	return sum
}

// awaitAcknowledged waits until the writers have so many acknowledgements, or are gone.
func awaitAcknowledged(t *testing.T, writers []*writer, count int64, gone <-chan struct{}) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for acknowledged(writers) < count {
		select {
		case <-gone:
			t.Errorf("only %d of %d writes were acknowledged before the service went", acknowledged(writers), count)
			return
		case <-tick.C:
		}
	}
}

// delay waits for a random time: the moment of a fault has to be any.
func delay(ctx context.Context, random *rand.Rand, most time.Duration) {
	timer := time.NewTimer(time.Duration(random.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
