package storetest

import (
	"fmt"
	"strings"
	"testing"

	"ordermanagement/internal/order"
)

// testDocuments stores documents of all sorts and reads them back by every way there is.
func testDocuments(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	large := Order("large")
	large.Description = strings.Repeat("漢字🚚 ", 1<<20/14)
	unicode := Order("unicode")
	unicode.Description = "\u0001\u007f\u2028 a\u0301 \U0010ffff 'quoted' -- ; %s ?1"
	unicode.Labels = map[string]string{"": "empty", "Ünï": "<&>"}
	documents := []*order.Order{MinimalOrder("minimal"), Order("typical"), MaximalOrder("maximal"), unicode, large}
	for _, want := range documents {
		Must(t, store, Orders("t", want))
		got, err := store.Orders().Get(ctx, "t", want.ID)
		ok(t, "Get", err)
		equal(t, "Get", got, want)
		many, err := store.Orders().GetMany(ctx, "t", []string{want.ID})
		ok(t, "GetMany", err)
		equal(t, "GetMany", many, map[string]*order.Order{want.ID: want})
		Must(t, store, Orders("t", Next(want)))
		got, err = store.Orders().GetAt(ctx, "t", want.ID, 1)
		ok(t, "GetAt", err)
		equal(t, "GetAt", got, want)
		page, err := store.Orders().List(ctx, "t", order.Query{Limit: 10, ShowDeleted: true})
		ok(t, "List", err)
		if !contains(page.Items, Next(want)) {
			t.Errorf("List lacks %s", want.ID)
		}
	}
	empty := &order.Product{ID: "p", Stamp: order.Stamp{Version: 1, CreateTime: Epoch}}
	Must(t, store, products.change("t", empty))
	product, err := store.Products().Get(ctx, "t", "p")
	ok(t, "Get product", err)
	equal(t, "product", product, empty)
}

func contains(page []*order.Order, want *order.Order) bool {
	for _, o := range page {
		if text(o) == text(want) {
			return true
		}
	}
	return false
}

func testLargeChanges(t *testing.T, open Open) {
	const count = 1000
	store, ctx := start(t, open), t.Context()
	change := &order.Change{Tenant: "t", Key: Key("large")}
	var ids []string
	for i := range count {
		o := Order(fmt.Sprintf("o%04d", i))
		o.ExternalID = "x-" + o.ID
		change.Orders = append(change.Orders, o)
		ids = append(ids, o.ID)
	}
	for i := range 100 {
		change.Products = append(change.Products, Product(fmt.Sprint("p", i)))
		change.Shipments = append(change.Shipments, Shipment(fmt.Sprint("s", i)))
	}
	Must(t, store, change)
	outcome, err := store.Outcome(ctx, "t", change.Key.Hash, change.Key.NotSince)
	ok(t, "Outcome", err)
	equal(t, "made", outcome.Made, change.Refs())

	next := &order.Change{Tenant: "t"}
	for _, o := range change.Orders {
		next.Orders = append(next.Orders, Next(o))
	}
	Must(t, store, next)
	many, err := store.Orders().GetMany(ctx, "t", ids)
	ok(t, "GetMany", err)
	equal(t, "how many", len(many), count)
	for i, id := range ids {
		equal(t, id, many[id], next.Orders[i])
	}
}
