package storetest

import (
	"testing"

	"ordermanagement/internal/order"
)

// testConflicts has one row for each conflict, and for each two at once: the one that is looked for first is answered.
func testConflicts(t *testing.T, open Open) {
	store := start(t, open)
	external, taken := Order("o1"), Order("o2")
	external.ExternalID = "x1"
	taken.Number = external.Number
	seed := &order.Change{
		Tenant: "t", Orders: []*order.Order{external, Order("stored")}, Products: []*order.Product{Product("p1"), Product("p2")},
		Shipments: []*order.Shipment{Shipment("s1")}, Key: Key("used"),
	}
	Must(t, store, seed)

	stale := Next(Next(external))
	sameExternal := Order("o3")
	sameExternal.ExternalID = "x1"
	sameSKU := Product("p3")
	sameSKU.SKU = "SKU-p1"
	skuByUpdate := Next(seed.Products[1])
	skuByUpdate.SKU = "SKU-p1"
	numberByUpdate := Next(seed.Orders[1])
	numberByUpdate.Number = external.Number
	externalByUpdate := Next(seed.Orders[1])
	externalByUpdate.ExternalID = "x1"

	key := order.ConflictError{Conflict: order.ConflictKey}
	exists := order.ConflictError{Conflict: order.ConflictExists, Kind: order.KindOrder, ID: "o1"}
	staleOrder := order.ConflictError{Conflict: order.ConflictStale, Kind: order.KindOrder, ID: "o1"}
	unique := func(kind order.Kind, id, field string) order.ConflictError {
		return order.ConflictError{Conflict: order.ConflictUnique, Kind: kind, ID: id, Field: field}
	}
	for name, test := range map[string]struct {
		change order.Change
		want   order.ConflictError
	}{
		"key":                     {order.Change{Key: Key("used"), Orders: []*order.Order{Order("new")}}, key},
		"key alone":               {order.Change{Key: Key("used")}, key},
		"key before exists":       {order.Change{Key: Key("used"), Orders: []*order.Order{Order("o1")}}, key},
		"key before stale":        {order.Change{Key: Key("used"), Orders: []*order.Order{stale}}, key},
		"key before unique":       {order.Change{Key: Key("used"), Orders: []*order.Order{taken}}, key},
		"exists":                  {order.Change{Orders: []*order.Order{Order("new"), Order("o1")}}, exists},
		"exists, with a new key":  {order.Change{Key: Key("new"), Orders: []*order.Order{Order("o1")}}, exists},
		"exists before stale":     {order.Change{Orders: []*order.Order{Next(Order("none")), Order("o1")}}, exists},
		"exists before unique":    {order.Change{Orders: []*order.Order{taken, Order("o1")}}, exists},
		"product exists":          {order.Change{Products: []*order.Product{Product("p1")}}, order.ConflictError{Conflict: order.ConflictExists, Kind: order.KindProduct, ID: "p1"}},
		"shipment exists":         {order.Change{Shipments: []*order.Shipment{Shipment("s1")}}, order.ConflictError{Conflict: order.ConflictExists, Kind: order.KindShipment, ID: "s1"}},
		"two exist":               {order.Change{Orders: []*order.Order{Order("o1"), Order("stored")}}, exists},
		"stale":                   {order.Change{Orders: []*order.Order{Next(seed.Orders[1]), stale}}, staleOrder},
		"stale, never stored":     {order.Change{Orders: []*order.Order{Next(Order("none"))}}, order.ConflictError{Conflict: order.ConflictStale, Kind: order.KindOrder, ID: "none"}},
		"stale before unique":     {order.Change{Orders: []*order.Order{taken, stale}}, staleOrder},
		"stale product":           {order.Change{Products: []*order.Product{Next(Next(Product("p1")))}}, order.ConflictError{Conflict: order.ConflictStale, Kind: order.KindProduct, ID: "p1"}},
		"stale shipment":          {order.Change{Shipments: []*order.Shipment{Next(Next(Shipment("s1")))}}, order.ConflictError{Conflict: order.ConflictStale, Kind: order.KindShipment, ID: "s1"}},
		"order number":            {order.Change{Orders: []*order.Order{Order("new"), taken}}, unique(order.KindOrder, "o2", "order_number")},
		"order number, by update": {order.Change{Orders: []*order.Order{numberByUpdate}}, unique(order.KindOrder, "stored", "order_number")},
		"external id":             {order.Change{Orders: []*order.Order{sameExternal}}, unique(order.KindOrder, "o3", "external_id")},
		"external id, by update":  {order.Change{Orders: []*order.Order{externalByUpdate}}, unique(order.KindOrder, "stored", "external_id")},
		"sku":                     {order.Change{Products: []*order.Product{sameSKU}}, unique(order.KindProduct, "p3", "sku")},
		"sku, by update":          {order.Change{Products: []*order.Product{skuByUpdate}}, unique(order.KindProduct, "p2", "sku")},
	} {
		t.Run(name, func(t *testing.T) {
			test.change.Tenant = "t"
			conflicts(t, store, &test.change, test.want)
		})
	}
	// None of them has left anything.
	equal(t, "orders", ids(t, store, orders, "t", order.Query{Limit: 10}), []string{"o1", "stored"})
	equal(t, "products", ids(t, store, products, "t", order.Query{Limit: 10}), []string{"p1", "p2"})
	_, err := store.Outcome(t.Context(), "t", Key("new").Hash, Key("new").NotSince)
	is(t, "Outcome", err, order.ErrNotFound)
	for _, o := range seed.Orders {
		got, err := store.Orders().Get(t.Context(), "t", o.ID)
		ok(t, "Get", err)
		equal(t, o.ID, got, o)
		_, err = store.Orders().GetAt(t.Context(), "t", o.ID, 2)
		is(t, "GetAt", err, order.ErrNotFound)
	}
}

// testConflictsWithin: two resources of one change that want the same value.
func testConflictsWithin(t *testing.T, open Open) {
	store := start(t, open)
	a, b := Order("a"), Order("b")
	a.ExternalID, b.ExternalID = "x", "x"
	conflicts(t, store, Orders("t", a, b),
		order.ConflictError{Conflict: order.ConflictUnique, Kind: order.KindOrder, ID: "b", Field: "external_id"})
	p, q := Product("p"), Product("q")
	q.SKU = p.SKU
	conflicts(t, store, products.change("t", p, q),
		order.ConflictError{Conflict: order.ConflictUnique, Kind: order.KindProduct, ID: "q", Field: "sku"})
	equal(t, "orders", len(ids(t, store, orders, "t", order.Query{Limit: 10})), 0)
	equal(t, "products", len(ids(t, store, products, "t", order.Query{Limit: 10})), 0)
}

// testImpossibleChanges: changes that are faults of the program, not conflicts.
func testImpossibleChanges(t *testing.T, open Open) {
	store := start(t, open)
	unversioned := Order("a")
	unversioned.Version = 0
	for name, change := range map[string]*order.Change{
		"twice":      Orders("t", Order("a"), Next(Order("a"))),
		"no version": Orders("t", unversioned),
	} {
		if err := store.Apply(t.Context(), change); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	_, err := store.Orders().Get(t.Context(), "t", "a")
	is(t, "Get", err, order.ErrNotFound)
	// The same id may stand for resources of different kinds, and a change may be empty.
	Must(t, store, &order.Change{
		Tenant: "t", Orders: []*order.Order{Order("a")}, Products: []*order.Product{Product("a")}, Shipments: []*order.Shipment{Shipment("a")},
	})
	Must(t, store, &order.Change{Tenant: "t"})
}

// testUniqueValues: what is not unique, and what is free again.
func testUniqueValues(t *testing.T, open Open) {
	store := start(t, open)
	a, b := Order("a"), Order("b")
	a.ExternalID = "x"
	Must(t, store, Orders("t", a, Order("none"), Order("none too")))
	Must(t, store, Orders("u", a)) // another tenant's
	Must(t, store, Orders("t", Next(a)))

	free := Next(Next(a))
	free.ExternalID = ""
	Must(t, store, Orders("t", free))
	b.ExternalID = "x"
	Must(t, store, Orders("t", b))

	back := Next(free)
	back.ExternalID = "x"
	conflicts(t, store, Orders("t", back),
		order.ConflictError{Conflict: order.ConflictUnique, Kind: order.KindOrder, ID: "a", Field: "external_id"})
	other := Order("c")
	other.ExternalID = "X" // case counts
	Must(t, store, Orders("t", other))
}

// testAllOrNothing: a change of everything, refused for its last part, changes nothing.
func testAllOrNothing(t *testing.T, open Open) {
	store, ctx := start(t, open), t.Context()
	old := Order("old")
	Must(t, store, Orders("t", old))
	Must(t, store, shipments.change("t", Shipment("s2")))
	change := &order.Change{
		Tenant: "t", Orders: []*order.Order{Next(old), Order("new")}, Products: []*order.Product{Product("p")},
		Shipments: []*order.Shipment{Shipment("s1"), Shipment("s2")}, Key: Key("k"),
	}
	conflicts(t, store, change, order.ConflictError{Conflict: order.ConflictExists, Kind: order.KindShipment, ID: "s2"})
	got, err := store.Orders().Get(ctx, "t", "old")
	ok(t, "Get", err)
	equal(t, "old", got, old)
	equal(t, "orders", ids(t, store, orders, "t", order.Query{Limit: 10}), []string{"old"})
	equal(t, "products", len(ids(t, store, products, "t", order.Query{Limit: 10})), 0)
	equal(t, "shipments", ids(t, store, shipments, "t", order.Query{Limit: 10}), []string{"s2"})
	_, err = store.Outcome(ctx, "t", change.Key.Hash, change.Key.NotSince)
	is(t, "Outcome", err, order.ErrNotFound)

	change.Shipments = change.Shipments[:1]
	Must(t, store, change)
	outcome, err := store.Outcome(ctx, "t", change.Key.Hash, change.Key.NotSince)
	ok(t, "Outcome", err)
	equal(t, "Outcome", outcome, order.Outcome{Fingerprint: change.Key.Fingerprint, Made: change.Refs()})
	got, err = store.Orders().GetAt(ctx, "t", "old", 1)
	ok(t, "GetAt", err)
	equal(t, "version before", got, old)
}
