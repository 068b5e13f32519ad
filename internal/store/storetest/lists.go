package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ordermanagement/internal/order"
)

func testDeleted(t *testing.T, open Open) {
	store := start(t, open)
	for _, id := range []string{"a", "b", "c", "d"} {
		Must(t, store, Orders("t", Order(id)))
	}
	for _, id := range []string{"b", "c"} {
		deleted := Next(Order(id))
		deleted.DeleteTime = Epoch
		Must(t, store, Orders("t", deleted))
	}
	undeleted := Next(Next(Order("c")))
	Must(t, store, Orders("t", undeleted))
	for limit := 1; limit <= 4; limit++ {
		equal(t, "without", ids(t, store, orders, "t", order.Query{Limit: limit}), []string{"a", "c", "d"})
		equal(t, "without, descending", ids(t, store, orders, "t", order.Query{Limit: limit, Descending: true}), []string{"d", "c", "a"})
		equal(t, "with", ids(t, store, orders, "t", order.Query{Limit: limit, ShowDeleted: true}), []string{"a", "b", "c", "d"})
	}
	got, err := store.Orders().Get(t.Context(), "t", "b")
	ok(t, "Get of a deleted one", err)
	if !got.Deleted() {
		t.Error("Get of a deleted one: not deleted")
	}
}

func testSearch(t *testing.T, open Open) {
	store := start(t, open)
	titles := map[string][]string{
		"a": {"Apple iPhone", "Case"},
		"b": {"100% cotton", "snake_case"},
		"c": {"Ünïcode 漢字", `"quoted" \ <tag>`},
		"d": {"", "apple"},
		"e": nil,
	}
	for id, list := range titles {
		o := Order(id)
		o.Description, o.Lines = "Google Pixel", nil
		for i, title := range list {
			o.Lines = append(o.Lines, order.Line{LineContent: order.LineContent{ID: fmt.Sprint(i), SKU: "Google", Title: title, Quantity: 1}})
		}
		Must(t, store, Orders("t", o))
	}
	other := Order("a")
	other.Lines[0].Title = "Apple of another tenant"
	Must(t, store, Orders("u", other))
	for search, want := range map[string][]string{
		"Apple": {"a"}, "apple": {"d"}, "pple": {"a", "d"}, "Case": {"a"}, "case": {"b"}, "%": {"b"}, "_": {"b"}, "0% c": {"b"},
		"字": {"c"}, "ï": {"c"}, `"quoted" \ <`: {"c"}, "<tag>": {"c"}, " ": {"a", "b", "c"}, "Google": nil, "Apple iPhone ": nil,
		"' OR 1=1 --": nil,
	} {
		for limit := 1; limit <= 2; limit++ {
			equal(t, "search "+search, ids(t, store, orders, "t", order.Query{Limit: limit, ItemContains: search}), want)
		}
	}
	equal(t, "descending", ids(t, store, orders, "t", order.Query{Limit: 1, Descending: true, ItemContains: "pple"}), []string{"d", "a"})
	deleted := Next(Order("d"))
	deleted.Lines[0].Title, deleted.DeleteTime = "apple", Epoch
	Must(t, store, Orders("t", deleted))
	equal(t, "deleted", ids(t, store, orders, "t", order.Query{Limit: 1, ItemContains: "pple"}), []string{"a"})
	equal(t, "deleted, shown", ids(t, store, orders, "t", order.Query{Limit: 1, ItemContains: "pple", ShowDeleted: true}), []string{"a", "d"})
}

// testLargePages: pages end before their documents are too large together, whatever the limit, and go on from there.
func testLargePages(t *testing.T, open Open) {
	store := start(t, open)
	sized := func(id string, bytes int) *order.Order {
		o := Order(id)
		o.Description = strings.Repeat("x", bytes)
		return o
	}
	var want, reversed [][]string
	for i := range 5 {
		first, second := fmt.Sprint("o", 2*i), fmt.Sprint("o", 2*i+1)
		for _, id := range []string{first, second} {
			Must(t, store, Orders("large", sized(id, order.MaxPageBytes/3)))
		}
		want, reversed = append(want, []string{first, second}), append(reversed, []string{second, first})
	}
	slices.Reverse(reversed)
	// One that is larger than a page may be has a page of its own, wherever it is.
	for _, o := range []*order.Order{Order("a"), Order("b"), sized("c", order.MaxPageBytes), Order("d"), Order("e"), sized("f", order.MaxPageBytes)} {
		Must(t, store, Orders("mixed", o))
	}
	for _, query := range []order.Query{{Limit: 1000}, {Limit: 1000, ItemContains: "engine"}} {
		equal(t, "large", pages(t, store, orders, "large", query), want)
		equal(t, "mixed", pages(t, store, orders, "mixed", query), [][]string{{"a", "b"}, {"c"}, {"d", "e"}, {"f"}})
		query.Descending = true
		equal(t, "large, descending", pages(t, store, orders, "large", query), reversed)
		equal(t, "mixed, descending", pages(t, store, orders, "mixed", query), [][]string{{"f"}, {"e", "d"}, {"c"}, {"b", "a"}})
	}
	equal(t, "by one", len(ids(t, store, orders, "large", order.Query{Limit: 1})), 10)
}

// testListsWhileInserting reads pages while orders are made: none that was there is missed, none comes twice.
func testListsWhileInserting(t *testing.T, open Open) {
	store := start(t, open)
	var want []string
	for i := range 60 {
		o := Order(fmt.Sprintf("before-%03d", i))
		o.CreateTime = Epoch.Add(time.Duration(i/7) * time.Second)
		Must(t, store, Orders("t", o))
		want = append(want, o.ID)
	}
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			o := Order(fmt.Sprintf("during-%05d", i))
			o.CreateTime = Epoch.Add(time.Duration(i%9) * time.Second)
			if err := store.Apply(t.Context(), Orders("t", o)); err != nil {
				done <- err
				return
			}
		}
	}()
	for _, descending := range []bool{false, true} {
		seen := map[string]int{}
		for _, id := range ids(t, store, orders, "t", order.Query{Limit: 4, Descending: descending}) {
			seen[id]++
		}
		for _, id := range want {
			if seen[id] != 1 {
				t.Errorf("%s was listed %d times", id, seen[id])
			}
			delete(seen, id)
		}
		for id, count := range seen {
			if count != 1 {
				t.Errorf("%s was listed %d times", id, count)
			}
		}
	}
	close(stop)
	ok(t, "Apply", <-done)
}
