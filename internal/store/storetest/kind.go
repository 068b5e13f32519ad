package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"ordermanagement/internal/order"
)

type resource interface {
	order.Order | order.Product | order.Shipment
}

// kind is what the suite has to know of one kind of resource to test all kinds alike.
type kind[T resource] struct {
	reader func(order.Store) order.Reader[T]
	make   func(id string) *T
	full   func(id string) *T                                     // with every field set
	parts  func(*T) (id string, stamp *order.Stamp, mark *string) // mark is some text of the resource
	change func(tenant string, resources ...*T) *order.Change
}

var orders = kind[order.Order]{
	reader: order.Store.Orders,
	make:   Order,
	full:   MaximalOrder,
	parts:  func(o *order.Order) (string, *order.Stamp, *string) { return o.ID, &o.Stamp, &o.Description },
	change: Orders,
}

var products = kind[order.Product]{
	reader: order.Store.Products,
	make:   Product,
	full:   Product,
	parts:  func(p *order.Product) (string, *order.Stamp, *string) { return p.ID, &p.Stamp, &p.Description },
	change: func(tenant string, list ...*order.Product) *order.Change {
		return &order.Change{Tenant: tenant, Products: list}
	},
}

var shipments = kind[order.Shipment]{
	reader: order.Store.Shipments,
	make:   Shipment,
	full:   Shipment,
	parts:  func(s *order.Shipment) (string, *order.Stamp, *string) { return s.ID, &s.Stamp, &s.Destination },
	change: func(tenant string, list ...*order.Shipment) *order.Change {
		return &order.Change{Tenant: tenant, Shipments: list}
	},
}

func testKind[T resource](t *testing.T, setup func(t *testing.T) Open, k kind[T]) {
	t.Run("versions", func(t *testing.T) { testVersions(t, setup(t), k) })
	t.Run("many", func(t *testing.T) { testMany(t, setup(t), k) })
	t.Run("pages", func(t *testing.T) { testPages(t, setup(t), k) })
	t.Run("tenants", func(t *testing.T) { testTenants(t, setup(t), k) })
	t.Run("answers belong to the caller", func(t *testing.T) { testOwnership(t, setup(t), k) })
}

func testVersions[T resource](t *testing.T, open Open, k kind[T]) {
	store, ctx := start(t, open), t.Context()
	reader := k.reader(store)
	_, err := reader.Get(ctx, "t", "a")
	is(t, "Get before", err, order.ErrNotFound)
	_, err = reader.View(ctx, "t", "a")
	is(t, "View before", err, order.ErrNotFound)

	Must(t, store, k.change("t", k.make("bystander")))
	versions := []*T{k.make("a")}
	Must(t, store, k.change("t", versions[0]))
	for range 4 {
		next := Next(versions[len(versions)-1])
		_, stamp, mark := k.parts(next)
		*mark = fmt.Sprint("version ", stamp.Version)
		versions = append(versions, next)
		Must(t, store, k.change("t", next))
		got, err := reader.View(ctx, "t", "a")
		ok(t, "View", err)
		equal(t, "view", got, next)
	}
	got, err := reader.Get(ctx, "t", "a")
	ok(t, "Get", err)
	equal(t, "current", got, versions[4])
	for i, want := range versions {
		got, err := reader.GetAt(ctx, "t", "a", int64(i+1))
		ok(t, "GetAt", err)
		equal(t, fmt.Sprint("version ", i+1), got, want)
	}
	for _, version := range []int64{-1, 0, 6} {
		_, err := reader.GetAt(ctx, "t", "a", version)
		is(t, fmt.Sprint("GetAt ", version), err, order.ErrNotFound)
	}
	_, err = reader.GetAt(ctx, "t", "b", 1)
	is(t, "GetAt of another id", err, order.ErrNotFound)
	page, err := reader.List(ctx, "t", order.Query{Limit: 10, ShowDeleted: true})
	ok(t, "List", err)
	equal(t, "List", page, order.Page[T]{Items: []*T{versions[4], k.make("bystander")}})
}

func testMany[T resource](t *testing.T, open Open, k kind[T]) {
	store, ctx := start(t, open), t.Context()
	a, b := k.make("a"), k.make(`b"',\`)
	Must(t, store, k.change("t", a, b))
	for _, test := range []struct {
		ids  []string
		want map[string]*T
	}{
		{nil, map[string]*T{}},
		{[]string{"none"}, map[string]*T{}},
		{[]string{"a", "a", "none", `b"',\`, "A"}, map[string]*T{"a": a, `b"',\`: b}},
	} {
		got, err := k.reader(store).GetMany(ctx, "t", test.ids)
		ok(t, "GetMany", err)
		equal(t, fmt.Sprint("GetMany ", test.ids), got, test.want)
	}
}

// ids reads all pages, of which only the last may have fewer than the limit, and lists the ids, in order.
func ids[T resource](t *testing.T, store order.Store, k kind[T], tenant string, query order.Query) []string {
	t.Helper()
	var list []string
	read := pages(t, store, k, tenant, query)
	for i, page := range read {
		if i < len(read)-1 && len(page) != query.Limit {
			t.Fatalf("List: a page of %d in the middle, want %d", len(page), query.Limit)
		}
		list = append(list, page...)
	}
	return list
}

// pages reads all pages and lists the ids of each. None is empty.
func pages[T resource](t *testing.T, store order.Store, k kind[T], tenant string, query order.Query) [][]string {
	t.Helper()
	var list [][]string
	for {
		page, err := k.reader(store).List(t.Context(), tenant, query)
		ok(t, "List", err)
		if len(page.Items) > query.Limit {
			t.Fatalf("List: a page of %d, want at most %d", len(page.Items), query.Limit)
		}
		if len(page.Items) == 0 {
			if len(list) > 0 || page.More {
				t.Fatal("List: there were more, but the page is empty")
			}
			return nil
		}
		var read []string
		for _, item := range page.Items {
			id, stamp, _ := k.parts(item)
			read = append(read, id)
			query.After = &order.Position{CreateTime: stamp.CreateTime, ID: id}
		}
		list = append(list, read)
		if !page.More {
			return list
		}
	}
}

func testPages[T resource](t *testing.T, open Open, k kind[T]) {
	store := start(t, open)
	if got := ids(t, store, k, "t", order.Query{Limit: 3}); len(got) != 0 {
		t.Fatalf("List of nothing: %v", got)
	}
	// Three times, one before the epoch of Unix, with four resources each, stored in no order.
	var want []string
	for i, created := range []time.Time{time.Date(1969, 1, 1, 0, 0, 0, 1000, time.UTC), Epoch, Epoch.Add(time.Microsecond)} {
		for _, id := range []string{"c", "a", "B", "é"} {
			item := k.make(fmt.Sprint(id, i))
			_, stamp, _ := k.parts(item)
			stamp.CreateTime = created
			Must(t, store, k.change("t", item))
		}
		for _, id := range []string{"B", "a", "c", "é"} { // in the order of bytes
			want = append(want, fmt.Sprint(id, i))
		}
	}
	for _, limit := range []int{1, 2, 5, 12, 1000} {
		equal(t, fmt.Sprint("ascending by ", limit), ids(t, store, k, "t", order.Query{Limit: limit}), want)
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 5, 12, 1000} {
		equal(t, fmt.Sprint("descending by ", limit), ids(t, store, k, "t", order.Query{Limit: limit, Descending: true}), want)
	}
	// A position need not be that of a resource.
	between := &order.Position{CreateTime: Epoch, ID: "b"}
	equal(t, "after", ids(t, store, k, "t", order.Query{Limit: 2, After: between}), []string{"c1", "é1", "B2", "a2", "c2", "é2"})
	if _, err := k.reader(store).List(t.Context(), "t", order.Query{}); err == nil {
		t.Error("List without a limit: no error")
	}
}

func testTenants[T resource](t *testing.T, open Open, k kind[T]) {
	store, ctx := start(t, open), t.Context()
	reader := k.reader(store)
	stored := map[string]*T{}
	for _, tenant := range []string{"t", "u"} { // the same id and unique values in both
		item := k.make("a")
		_, _, mark := k.parts(item)
		*mark = "of " + tenant
		Must(t, store, k.change(tenant, item))
		stored[tenant] = item
	}
	second := Next(stored["u"])
	Must(t, store, k.change("u", second))
	Must(t, store, k.change("u", k.make("b")))

	got, err := reader.Get(ctx, "t", "a")
	ok(t, "Get", err)
	equal(t, "Get", got, stored["t"])
	got, err = reader.GetAt(ctx, "u", "a", 1)
	ok(t, "GetAt", err)
	equal(t, "GetAt", got, stored["u"])
	_, err = reader.GetAt(ctx, "t", "a", 2)
	is(t, "GetAt of the other tenant's version", err, order.ErrNotFound)
	many, err := reader.GetMany(ctx, "t", []string{"a", "b"})
	ok(t, "GetMany", err)
	equal(t, "GetMany", many, map[string]*T{"a": stored["t"]})
	equal(t, "List", ids(t, store, k, "t", order.Query{Limit: 10}), []string{"a"})
	equal(t, "List descending", ids(t, store, k, "u", order.Query{Limit: 1, Descending: true}), []string{"b", "a"})
	for _, tenant := range []string{"", "T", "v"} {
		_, err = reader.Get(ctx, tenant, "a")
		is(t, "Get of tenant "+tenant, err, order.ErrNotFound)
		_, err = reader.GetAt(ctx, tenant, "a", 1)
		is(t, "GetAt of tenant "+tenant, err, order.ErrNotFound)
		equal(t, "List of tenant "+tenant, len(ids(t, store, k, tenant, order.Query{Limit: 10})), 0)
	}
}

func testOwnership[T resource](t *testing.T, open Open, k kind[T]) {
	store, ctx := start(t, open), t.Context()
	item := k.full("a")
	Must(t, store, k.change("t", item))
	_, _, mark := k.parts(item)
	before := *mark
	*mark = "changed after Apply"
	var first string
	for range 3 {
		got, err := k.reader(store).Get(ctx, "t", "a")
		ok(t, "Get", err)
		again, err := k.reader(store).Get(ctx, "t", "a")
		ok(t, "Get", err)
		_, _, mark := k.parts(got)
		equal(t, "mark", *mark, before)
		if first == "" {
			first = text(again)
		}
		equal(t, "what the next caller gets", text(again), first)
		shown, err := k.reader(store).View(ctx, "t", "a")
		ok(t, "View", err)
		equal(t, "what is shown", text(shown), first)
		scribble(reflect.ValueOf(got))
	}
}

// scribble changes in place all that can be reached from a value.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				scribble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.Value{})
		}
	case reflect.String:
		v.SetString("scribbled")
	case reflect.Int64:
		v.SetInt(v.Int() + 1)
	}
}
