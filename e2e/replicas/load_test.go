package replicas

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ordermanagement/gen/ecommerce"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

const (
	keyAnnotation = "key"
	loadLimit     = 3 * time.Minute
	repeatPause   = 100 * time.Millisecond
	writersPerWay = 2
	streamers     = 2
	// ordersPerWriter bounds what one writer creates; then it changes what it has.
	ordersPerWriter = 40
	ordersPerStream = 3
)

// record is what is known of one order, which one writer writes.
type record struct {
	key        string // its id in v1, the annotation of an order of v2
	v1         bool
	name, etag string
	text       string // as acknowledged last
	changes    int    // acknowledged after it was created
	// unanswered are texts of attempts without an answer, of calls that have no key.
	unanswered []string
}

// load is writers that write, and read what they have written by any way, until they are told to stop. What is refused
// they repeat until it is acknowledged.
type load struct {
	ctx   context.Context
	ways  []way
	stop  chan struct{}
	ended sync.WaitGroup

	mu       sync.Mutex
	writers  []*writer
	refusals []error
	failures []error
}

type writer struct {
	load    *load
	way     way
	legacy  ecommerce.OrderManagementClient // of a writer of v1, which has no way
	random  *rand.Rand
	records []*record
	// begun is when the latest acknowledged write began; of load.mu.
	begun time.Time
	count int
}

func startLoad(t *testing.T, w *world) *load {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), loadLimit)
	l := &load{ctx: ctx, ways: w.ways(t), stop: make(chan struct{})}
	for _, way := range l.ways {
		for range writersPerWay {
			l.start(&writer{way: way})
		}
	}
	for range streamers {
		l.start(&writer{legacy: ecommerce.NewOrderManagementClient(w.dial(t, w.target()))})
	}
	t.Cleanup(func() {
		l.halt()
		cancel()
	})
	l.recovered(t, time.Now()) // everybody has begun
	return l
}

func (l *load) start(w *writer) {
	w.load, w.random = l, rand.New(rand.NewPCG(rand.Uint64(), 0))
	l.writers = append(l.writers, w)
	l.ended.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			case <-l.ctx.Done():
				l.fail(l.ctx.Err())
				return
			default:
			}
			began := time.Now()
			if err := w.write(); err != nil {
				l.fail(err)
				return
			}
			l.mu.Lock()
			w.begun = began
			w.count++
			l.mu.Unlock()
		}
	})
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, err)
}

func (l *load) halt() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.ended.Wait()
}

// recovered waits until every writer has had a write acknowledged that it began after the time, and answers how long that took.
func (l *load) recovered(t *testing.T, since time.Time) time.Duration {
	t.Helper()
	until(t, "all writers write", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.failures) > 0 {
			t.Fatalf("failed: %s", firstLines(l.failures))
		}
		for _, w := range l.writers {
			if !w.begun.After(since) {
				return false
			}
		}
		return true
	})
	return time.Since(since)
}

// end ends the load, when all that was begun is acknowledged, and hands what it has written to the world.
func (l *load) end(t *testing.T, w *world) (refusals []error) {
	t.Helper()
	l.halt()
	count := 0
	for _, one := range l.writers {
		w.records = append(w.records, one.records...)
		count += one.count
	}
	if len(l.failures) > 0 {
		t.Fatalf("failed: %s", firstLines(l.failures))
	}
	t.Logf("%d writes acknowledged, %d refused and repeated", count, len(l.refusals))
	return l.refusals
}

// persist calls until it is not refused any more. The answer may be a replay only if there was a refusal.
func (w *writer) persist(call func() (replayed bool, err error)) error {
	for attempt := 0; ; attempt++ {
		replayed, err := call()
		if err == nil && replayed && attempt == 0 {
			return fmt.Errorf("the first answer says that it is a replay")
		}
		if !isRefusal(err) {
			return err
		}
		w.load.mu.Lock()
		w.load.refusals = append(w.load.refusals, err)
		w.load.mu.Unlock()
		pause(w.load.ctx, repeatPause)
		if w.load.ctx.Err() != nil {
			return err
		}
	}
}

func (w *writer) write() error {
	if w.legacy != nil {
		return w.stream()
	}
	if len(w.records) == 0 || len(w.records) < ordersPerWriter && w.random.IntN(3) == 0 {
		return w.create()
	}
	r := w.records[w.random.IntN(len(w.records))]
	key, text := uuid.NewString(), strconv.Itoa(r.changes+1)
	var answer *v2.Order
	err := w.persist(func() (replayed bool, err error) {
		answer, replayed, err = w.way.describe(w.load.ctx, key, r.name, r.etag, text)
		return replayed, err
	})
	if err != nil {
		return fmt.Errorf("change %s of %s: %w", text, r.name, err)
	}
	r.changes++
	return w.acknowledged(r, answer, text)
}

func (w *writer) create() error {
	r := &record{key: uuid.NewString()}
	order := &v2.Order{CurrencyCode: "EUR", Description: "new", Annotations: map[string]string{keyAnnotation: r.key}}
	w.records = append(w.records, r)
	var answer *v2.Order
	err := w.persist(func() (replayed bool, err error) {
		answer, replayed, err = w.way.create(w.load.ctx, r.key, order)
		return replayed, err
	})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	r.name = answer.GetName()
	return w.acknowledged(r, answer, "new")
}

// acknowledged notes an answer, and reads the order by any way: whatever server that reaches, it has what was acknowledged.
func (w *writer) acknowledged(r *record, answer *v2.Order, text string) error {
	r.text, r.etag = text, answer.GetEtag()
	if answer.GetDescription() != text || r.etag == "" {
		return fmt.Errorf("write of %q is answered with %v", text, answer)
	}
	from := w.load.ways[w.random.IntN(len(w.load.ways))]
	err := w.persist(func() (bool, error) {
		read, err := from.get(w.load.ctx, r.name)
		if err == nil && (read.GetEtag() != r.etag || read.GetDescription() != text) {
			err = fmt.Errorf("read\n%v after the answer\n%v", read, answer)
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", r.name, err)
	}
	return nil
}

// stream updates all its orders of v1 by one call. It has no key: a repeat does the same again.
func (w *writer) stream() error {
	if len(w.records) < ordersPerStream {
		r := &record{key: "v1-" + uuid.NewString(), v1: true, text: "new"}
		w.records = append(w.records, r)
		return w.persist(func() (bool, error) {
			_, err := w.legacy.AddOrder(w.load.ctx, &v1.Order{Id: r.key, Items: []string{"nuts"}, Description: r.text})
			return false, permitted(err, false)
		})
	}
	text := strconv.Itoa(w.records[0].changes + 1)
	return w.persist(func() (bool, error) {
		stream, err := w.legacy.UpdateOrders(w.load.ctx)
		if err != nil {
			return false, permitted(err, false)
		}
		var ids []string
		for _, r := range w.records {
			ids = append(ids, r.key)
			if stream.Send(&v1.Order{Id: r.key, Items: []string{"bolts"}, Description: text}) != nil {
				break // why is what CloseAndRecv says
			}
		}
		answer, err := stream.CloseAndRecv()
		if err == nil && answer.GetValue() != "Updated Order IDs: "+strings.Join(ids, ", ") {
			return false, fmt.Errorf("updated %v: %v", ids, answer)
		}
		for _, r := range w.records {
			if err != nil {
				r.unanswered = append(r.unanswered, text)
			} else {
				r.text, r.changes = text, r.changes+1
			}
		}
		return false, permitted(err, false)
	})
}
