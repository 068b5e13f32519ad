package replicas

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc"

	v2 "ordermanagement/gen/ordermanagement/v2"
)

const selectVersions = `SELECT 'orders/' || o.id, o.version,
	(SELECT count(*) FROM history h WHERE h.tenant = o.tenant AND h.kind = 'order' AND h.id = o.id) FROM orders o`

// verify compares all that was acknowledged with what is stored, as the API shows it and in the tables: each order is there
// as acknowledged, once, with as many versions as it has had changes, and nothing else is there.
func (w *world) verify(t *testing.T, url string) {
	t.Helper()
	stored := map[string]*v2.Order{}
	for _, order := range w.list(t) {
		key, ok := order.GetAnnotations()[keyAnnotation]
		if !ok {
			key = strings.TrimPrefix(order.GetName(), "orders/")
		}
		if stored[key] != nil {
			t.Errorf("there twice:\n%v\n%v", stored[key], order)
		}
		stored[key] = order
	}
	versions := selectAll(t, url)
	if len(versions) != len(w.records) || len(stored) != len(w.records) {
		t.Errorf("%d orders in the table, %d in the list, and %d were acknowledged", len(versions), len(stored), len(w.records))
	}
	for _, r := range w.records {
		order := stored[r.key]
		if order == nil {
			t.Errorf("lost: %+v", *r)
			continue
		}
		late := r.v1 && w.late && slices.Contains(r.unanswered, order.GetDescription())
		if order.GetDescription() != r.text && !late {
			t.Errorf("stored\n%v, acknowledged\n%+v", order, *r)
		}
		row := versions[order.GetName()]
		if row.former != row.version-1 {
			t.Errorf("%s has version %d and %d former ones", order.GetName(), row.version, row.former)
		}
		// What has no key may have been done by more than the attempt that was answered.
		if changes := row.version - 1; !r.v1 && changes != r.changes || r.v1 && (changes < r.changes || changes > r.changes+len(r.unanswered)) {
			t.Errorf("%s has version %d after %d changes", order.GetName(), row.version, r.changes)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// list reads every order, each page from the next server: a page token of one is good for the others.
func (w *world) list(t *testing.T) (all []*v2.Order) {
	t.Helper()
	var conns []*grpc.ClientConn
	for _, s := range w.servers {
		conns = append(conns, w.dial(t, s.GRPC))
	}
	request := &v2.ListOrdersRequest{PageSize: 200}
	for turn := 0; ; turn++ {
		page, err := v2.NewOrderServiceClient(conns[turn%len(conns)]).ListOrders(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.GetOrders()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all
		}
	}
}

type versions struct{ version, former int }

func selectAll(t *testing.T, url string) map[string]versions {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), selectVersions)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]versions{}
	var name string
	var v versions
	_, err = pgx.ForEachRow(rows, []any{&name, &v.version, &v.former}, func() error {
		all[name] = v
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
