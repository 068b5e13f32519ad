package replicas

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	v2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/store/postgres/pgtest"
)

// bouncerConnections is fewer than the servers have together, so that they share them.
const bouncerConnections = 8

// Servers have nothing that the other ones haven't: straight on PostgreSQL, and behind a pooler that hands out its connections for
// a transaction at a time.
func TestShared(t *testing.T) {
	database := startDatabase(t)
	bouncer, err := database.StartBouncer(t.Context(), bouncerConnections)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bouncer.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("straight", func(t *testing.T) {
		w := startWorld(t, database.URL(database.CreateDatabase(t)))
		share(t, w)
		checkReadiness(t, w)
	})
	t.Run("behind a pooler", func(t *testing.T) {
		name := database.CreateDatabase(t)
		w := startWorld(t, bouncer.URL(name), "--database-pooler=transaction")
		share(t, w)
		killBehindPooler(t, w, database, name)
	})
}

// share does with one server what it began with the other.
func share(t *testing.T, w *world) {
	t.Helper()
	var ways []way
	for _, s := range w.servers {
		ways = append(ways, overGRPC{w.dial(t, s.GRPC)})
	}
	for _, g := range w.gateways {
		ways = append(ways, overREST{g.Client(t), g.URL("")})
	}
	key := uuid.NewString()
	draft := &v2.Order{CurrencyCode: "EUR", Description: "new", Annotations: map[string]string{keyAnnotation: key}}
	created, replayed, err := ways[0].create(t.Context(), key, draft)
	if err != nil || replayed {
		t.Fatalf("create: replay %t, %v", replayed, err)
	}
	last := created
	for i, other := range ways {
		again, replayed, err := other.create(t.Context(), key, draft)
		if err != nil || !replayed || !proto.Equal(again, created) {
			t.Errorf("way %d: repeated: replay %t, %v\n%v, want\n%v", i, replayed, err, again, created)
		}
		text := string(rune('a' + i))
		changed, _, err := other.describe(t.Context(), uuid.NewString(), created.GetName(), last.GetEtag(), text)
		if err != nil || changed.GetDescription() != text {
			t.Fatalf("way %d: changed with the etag of another: %v %v", i, changed, err)
		}
		_, _, err = ways[(i+1)%len(ways)].describe(t.Context(), uuid.NewString(), created.GetName(), last.GetEtag(), "lost")
		if code := status.Code(unwrapped(err)); code != codes.Aborted && code != codes.FailedPrecondition {
			t.Errorf("way %d: changed with a stale etag: %v", i, err)
		}
		last = changed
	}
	for range 3 {
		created, _, err := ways[2].create(t.Context(), uuid.NewString(), draft)
		if err != nil {
			t.Fatalf("%v %v", created, err)
		}
	}
	seen := map[string]bool{}
	request := &v2.ListOrdersRequest{PageSize: 1}
	for turn := range 4 {
		page, err := v2.NewOrderServiceClient(ways[turn%2].(overGRPC).conn).ListOrders(t.Context(), request)
		if err != nil || len(page.GetOrders()) != 1 {
			t.Fatalf("page %d: %v %v", turn, page, err)
		}
		seen[page.GetOrders()[0].GetName()] = true
		request.PageToken = page.GetNextPageToken()
	}
	if len(seen) != 4 {
		t.Errorf("saw %v", seen)
	}
}

func unwrapped(err error) error {
	if r, ok := err.(refusal); ok {
		return r.error
	}
	return err
}

// killBehindPooler kills a server under load, whose connections the pooler takes back.
func killBehindPooler(t *testing.T, w *world, database *pgtest.Server, name string) {
	t.Helper()
	database.Exec(t, name, "TRUNCATE orders, history, outcomes")
	l := startLoad(t, w)
	struck := time.Now()
	w.servers[0].Kill(t)
	t.Logf("everybody goes on after %v", l.recovered(t, struck).Round(time.Millisecond))
	w.again(0)
	called(t, w.servers[0])
	l.end(t, w)
	w.verify(t, database.URL(name))
}

// checkReadiness kills one server after the other: a gateway is ready while there is one.
func checkReadiness(t *testing.T, w *world) {
	t.Helper()
	for i, s := range w.servers {
		for _, g := range w.gateways {
			if code, text := probe(g, "/readyz"); code != http.StatusOK {
				t.Errorf("with %d servers gone: %d %s", i, code, text)
			}
		}
		s.Kill(t)
	}
	for _, g := range w.gateways {
		until(t, "the gateway says that it has no server", func() bool { return !ready(g) })
	}
	w.again(0)
	for _, g := range w.gateways {
		until(t, "the gateway is ready again", func() bool { return ready(g) })
	}
}
