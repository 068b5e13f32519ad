package durability

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"ordermanagement/e2e/process"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

const (
	sequentialWrites = 50
	concurrentWrites = 64
	// logFile is the end of the name of the database's write-ahead log. A commit is durable once that is synced.
	logFile = "-wal"
)

// Every write is on the disk before it is acknowledged: a sync of the log has begun after the request was sent, and has
// ended before the answer was there.
func TestAcknowledgedWritesAreSynced(t *testing.T) {
	trace := traceSyncs(t)
	service := program.Start(t, process.Config{Wrapper: trace.wrapper})
	c := connect(t, service)

	var writes []span
	for i := range sequentialWrites {
		begin := now()
		var err error
		switch i % 4 {
		case 0:
			_, _, err = c.create(t.Context(), overGRPC, uuid.NewString(), &v2.Order{CurrencyCode: "EUR"})
		case 1:
			_, _, err = c.create(t.Context(), overREST, uuid.NewString(), &v2.Order{CurrencyCode: "EUR"})
		case 2:
			_, err = c.add(t.Context(), overGRPC, &v1.Order{Id: fmt.Sprint("v1-", i), Items: []string{"nuts"}})
		default:
			_, err = c.update(t.Context(), []*v1.Order{{Id: fmt.Sprint("v1-", i-1), Items: []string{"bolts"}}})
		}
		if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, span{begin, now()})
	}
	service.Stop(t)

	syncs := trace.syncs(t, logFile)
	for i, write := range writes {
		if !anyWithin(syncs, write) {
			t.Errorf("write %d was acknowledged without a sync: sent %v, answered %v", i, write.begin, write.end)
		}
	}
	t.Logf("%d syncs of the log for %d writes in sequence", len(syncs), len(writes))
}

// Writes that wait at the same time share a sync.
func TestConcurrentWritesShareSyncs(t *testing.T) {
	trace := traceSyncs(t)
	service := program.Start(t, process.Config{Wrapper: trace.wrapper})
	c := connect(t, service)
	if _, _, err := c.create(t.Context(), overGRPC, uuid.NewString(), &v2.Order{CurrencyCode: "EUR"}); err != nil { // connects
		t.Fatal(err)
	}

	var group sync.WaitGroup
	start := make(chan struct{})
	for range concurrentWrites {
		group.Go(func() {
			<-start
			if _, _, err := c.create(t.Context(), overGRPC, uuid.NewString(), &v2.Order{CurrencyCode: "EUR"}); err != nil {
				t.Error(err)
			}
		})
	}
	all := span{begin: now()}
	close(start)
	group.Wait()
	all.end = now()
	service.Stop(t)

	count := 0
	for _, sync := range trace.syncs(t, logFile) {
		if sync.within(all) {
			count++
		}
	}
	if count == 0 || count >= concurrentWrites {
		t.Errorf("%d syncs for %d concurrent writes; want fewer, but one at least", count, concurrentWrites)
	}
	t.Logf("%d syncs of the log for %d concurrent writes", count, concurrentWrites)
}

// now is the time to the microsecond, as strace writes it.
func now() time.Time { return time.Now().Truncate(time.Microsecond) }

func anyWithin(syncs []span, outer span) bool {
	for _, sync := range syncs {
		if sync.within(outer) {
			return true
		}
	}
	return false
}
