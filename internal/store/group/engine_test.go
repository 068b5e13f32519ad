package group_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/record"
	"ordermanagement/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errConflict = errors.New("conflict")
	errFault    = errors.New("fault")
)

// transactor answers transactions by a script.
type transactor struct {
	transact func(requests []*group.Request) error
	diagnose func(r *group.Request) error
}

func (f *transactor) Transact(requests []*group.Request) error { return f.transact(requests) }
func (f *transactor) Conflicting(err error) bool               { return errors.Is(err, errConflict) }
func (f *transactor) Fault(err error) error                    { return err }
func (f *transactor) Rest()                                    {}

func (f *transactor) Diagnose(requests []*group.Request) []error {
	conflicts := make([]error, len(requests))
	for i, r := range requests {
		if f.diagnose != nil {
			conflicts[i] = f.diagnose(r)
		}
	}
	return conflicts
}

func request(t *testing.T, id string, key *order.Key) *group.Request {
	t.Helper()
	change := storetest.Orders("t", storetest.Order(id))
	change.Key = key
	write, err := record.New(change)
	if err != nil {
		t.Fatal(err)
	}
	return group.NewRequest(write)
}

func start(t *testing.T, limits group.Limits, transactors ...group.Transactor) *group.Engine {
	engine := group.New(limits)
	engine.Start(transactors...)
	t.Cleanup(engine.Close)
	return engine
}

// TestClaims: no two workers, and no group, have the same order or key at the same time, and all requests are done.
func TestClaims(t *testing.T) {
	var mu sync.Mutex
	used := map[string]bool{}
	names := func(r *group.Request) []string {
		return []string{"order " + r.Write.Records[0].ID, "key " + string(r.Write.Key.Hash[:])}
	}
	worker := &transactor{transact: func(requests []*group.Request) error {
		mu.Lock()
		for _, r := range requests {
			for _, name := range names(r) {
				if used[name] {
					t.Errorf("%q is used twice at once", name)
				}
				used[name] = true
			}
		}
		mu.Unlock()
		<-time.After(time.Millisecond) // so that workers meet
		mu.Lock()
		defer mu.Unlock()
		for _, r := range requests {
			for _, name := range names(r) {
				delete(used, name)
			}
		}
		return nil
	}}
	engine := start(t, group.Limits{}, worker, worker, worker)
	var callers sync.WaitGroup
	for i := range 300 {
		r := request(t, fmt.Sprint(i%7), storetest.Key(fmt.Sprint(i%11)))
		callers.Go(func() {
			if err := engine.Do(context.Background(), r); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
}

// TestUnknown: after a lost answer, what has a key is repeated and what has none is not.
func TestUnknown(t *testing.T) {
	lost := fmt.Errorf("%w: %w", group.ErrUnknown, group.ErrRepeat)
	for name, test := range map[string]struct {
		key      *order.Key
		answers  []error // of the transactions
		diagnose error
		want     error
		tries    int
	}{
		"without a key":                  {answers: []error{lost}, want: group.ErrUnknown, tries: 1},
		"not to be repeated":             {key: storetest.Key("k"), answers: []error{group.ErrUnknown}, want: group.ErrUnknown, tries: 1},
		"not made":                       {key: storetest.Key("k"), answers: []error{lost, nil}, tries: 2},
		"made":                           {key: storetest.Key("k"), answers: []error{lost, errConflict}, diagnose: group.ErrMade, tries: 2},
		"conflicts":                      {key: storetest.Key("k"), answers: []error{lost, errConflict}, diagnose: errFault, want: errFault, tries: 2},
		"lost for good":                  {key: storetest.Key("k"), answers: []error{lost, lost, lost, lost}, want: group.ErrUnknown, tries: 4},
		"no transaction after that":      {key: storetest.Key("k"), answers: []error{lost, group.ErrBegin, group.ErrBegin, nil}, tries: 4},
		"no transaction":                 {key: storetest.Key("k"), answers: []error{group.ErrBegin}, want: group.ErrBegin, tries: 1},
		"refused for what has gone":      {answers: []error{errConflict, errConflict, nil}, tries: 3},
		"a conflict that nobody can see": {answers: []error{errConflict, errConflict, errConflict, errConflict}, want: errConflict, tries: 4},
	} {
		t.Run(name, func(t *testing.T) {
			tries := 0
			engine := start(t, group.Limits{}, &transactor{
				transact: func(requests []*group.Request) error {
					tries++
					if repeated := requests[0].Repeated; repeated != (tries > 1 && errors.Is(test.answers[0], group.ErrUnknown)) {
						t.Errorf("try %d: repeated is %v", tries, repeated)
					}
					return test.answers[tries-1]
				},
				diagnose: func(*group.Request) error { return test.diagnose },
			})
			if err := engine.Do(t.Context(), request(t, "a", test.key)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if tries != test.tries {
				t.Errorf("%d transactions, want %d", tries, test.tries)
			}
		})
	}
}

// TestLimits: what there is no room for, and what waits too long, is answered at once.
func TestLimits(t *testing.T) {
	begun, proceed := make(chan struct{}, 10), make(chan struct{}) // more room than is needed
	engine := start(t, group.Limits{Waiting: 2, Patience: 50 * time.Millisecond}, &transactor{
		transact: func([]*group.Request) error {
			begun <- struct{}{}
			<-proceed
			return nil
		},
	})
	first := make(chan error, 1)
	go func() { first <- engine.Do(context.Background(), request(t, "a", nil)) }()
	<-begun
	late := make(chan error, 1)
	go func() { late <- engine.Do(context.Background(), request(t, "b", nil)) }()
	if err := <-late; !errors.Is(err, group.ErrBusy) || !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("what waits too long: %v", err)
	}
	waits := make(chan error, 1)
	go func() { waits <- engine.Do(context.Background(), request(t, "c", nil)) }()
	deadline := time.Now().Add(10 * time.Second)
	for {
		// Until the one before has its place, this one has it, and waits too long.
		begin := time.Now()
		err := engine.Do(context.Background(), request(t, "d", nil))
		if !errors.Is(err, group.ErrBusy) {
			t.Fatalf("one too many: %v", err)
		}
		if time.Since(begin) < 25*time.Millisecond {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("one too many is never refused at once")
		}
		select {
		case <-waits:
			go func() { waits <- engine.Do(context.Background(), request(t, "c", nil)) }()
		default:
		}
	}
	close(proceed)
	if err := <-first; err != nil {
		t.Errorf("the one that ran: %v", err)
	}
	<-waits
}
