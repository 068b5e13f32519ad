package order_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newService(t *testing.T) *order.Service {
	t.Helper()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "orders.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return order.NewService(store)
}

// by is a write of somebody's in a tenant.
func by(tenant string) order.Write {
	return order.Write{Actor: order.Actor{Tenant: tenant, Subject: "somebody"}, Method: "/test"}
}

func wantReason(t *testing.T, err error, reason order.Reason) {
	t.Helper()
	if !errors.Is(err, &order.Error{Reason: reason}) {
		t.Errorf("got %v, want %s", err, reason)
	}
}

func oneLine(title string) order.Content {
	price := order.Amount(100)
	return order.Content{Currency: "USD", Destination: "here", Lines: []order.Line{{LineContent: order.LineContent{Title: title, Quantity: 2, UnitPrice: &price}}}}
}

// Every state and every transition: what the table does not allow is refused and changes nothing.
func TestTransitions(t *testing.T) {
	ways := map[order.State][]order.Transition{
		order.Draft:     nil,
		order.Confirmed: {order.Confirm},
		order.OnHold:    {order.Confirm, order.Hold},
		order.Canceled:  {order.Cancel},
	}
	allowed := map[order.State]map[order.Transition]order.State{
		order.Draft:     {order.Confirm: order.Confirmed, order.Cancel: order.Canceled},
		order.Confirmed: {order.Hold: order.OnHold, order.Cancel: order.Canceled},
		order.OnHold:    {order.Release: order.Confirmed, order.Cancel: order.Canceled},
	}
	s := newService(t)
	for from, way := range ways {
		for _, transition := range []order.Transition{order.Confirm, order.Hold, order.Release, order.Cancel} {
			t.Run(string(from)+" "+string(transition), func(t *testing.T) {
				created, err := s.CreateOrder(t.Context(), by("a"), "", oneLine("x"))
				if err != nil {
					t.Fatal(err)
				}
				id := created.Value.ID
				for _, step := range way {
					if _, err := s.TransitOrder(t.Context(), by("a"), id, step); err != nil {
						t.Fatal(err)
					}
				}
				want, ok := allowed[from][transition]
				if !ok {
					want = from
				}
				_, err = s.TransitOrder(t.Context(), by("a"), id, transition)
				if ok && err != nil {
					t.Error(err)
				}
				if !ok {
					wantReason(t, err, order.InvalidTransition)
				}
				now, err := s.GetOrder(t.Context(), by("a").Actor, id)
				if err != nil {
					t.Fatal(err)
				}
				if now.State != want {
					t.Errorf("is %s, want %s", now.State, want)
				}
			})
		}
	}
}

// Whatever runs at once: one confirm wins, every other one is refused by the table.
func TestOneOfManyConfirmsWins(t *testing.T) {
	s := newService(t)
	created, err := s.CreateOrder(t.Context(), by("a"), "", oneLine("x"))
	if err != nil {
		t.Fatal(err)
	}
	const callers = 8
	errs := make([]error, callers)
	together(callers, func(i int) {
		_, errs[i] = s.TransitOrder(t.Context(), by("a"), created.Value.ID, order.Confirm)
	})
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantReason(t, err, order.InvalidTransition)
	}
	if won != 1 {
		t.Errorf("%d confirms won", won)
	}
}

// Whatever runs at once: an order is in one shipment, and no update is lost.
func TestConcurrentBatchesShipEachOrderOnce(t *testing.T) {
	s := newService(t)
	const orders = 6
	var ids []string
	for i := range orders {
		id := fmt.Sprintf("o%d", i)
		if _, err := s.AddQuoted(t.Context(), by("a"), order.Quoted{ID: id, Content: oneItem("x"), Total: 100}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	accept := func(*order.Order) error { return nil }
	errs := make([]error, orders)
	together(orders, func(i int) {
		batch := []string{ids[i], ids[(i+1)%orders], ids[(i+2)%orders]}
		_, errs[i] = s.CombineOrders(t.Context(), by("a"), batch, accept)
	})
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	all, err := s.CombineOrders(t.Context(), by("a"), ids, accept)
	if err != nil {
		t.Fatal(err)
	}
	shipped := make(map[string]int)
	for _, c := range all {
		for _, line := range c.Shipment.Lines {
			shipped[line.OrderID]++
		}
	}
	for _, id := range ids {
		if shipped[id] != 1 {
			t.Errorf("%s is shipped %d times", id, shipped[id])
		}
	}
}

// A write under a key happens once, whoever is first, and every caller gets the same answer.
func TestOneOfManyWritesUnderAKeyHappens(t *testing.T) {
	s := newService(t)
	w := by("a")
	w.Key, w.Fingerprint = "k", sha256.Sum256([]byte("request"))
	const callers = 8
	results := make([]order.Result[*order.Order], callers)
	errs := make([]error, callers)
	together(callers, func(i int) { results[i], errs[i] = s.CreateOrder(t.Context(), w, "", oneLine("x")) })
	first := 0
	for i := range results {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if !results[i].Replayed {
			first++
		}
		if results[i].Value.ID != results[0].Value.ID {
			t.Errorf("answers differ: %s and %s", results[i].Value.ID, results[0].Value.ID)
		}
	}
	if first != 1 {
		t.Errorf("%d calls did the work", first)
	}
	w.Fingerprint = sha256.Sum256([]byte("another request"))
	_, err := s.CreateOrder(t.Context(), w, "", oneLine("y"))
	wantReason(t, err, order.IdempotencyKeyReused)
}

// A replay answers what the first call answered, though the order has changed since.
func TestReplayAnswersTheVersionOfThen(t *testing.T) {
	s := newService(t)
	w := by("a")
	w.Key = "k"
	created, err := s.CreateOrder(t.Context(), w, "", oneLine("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.TransitOrder(t.Context(), by("a"), created.Value.ID, order.Confirm); err != nil {
		t.Fatal(err)
	}
	replayed, err := s.CreateOrder(t.Context(), w, "", oneLine("x"))
	if err != nil {
		t.Fatal(err)
	}
	if !replayed.Replayed || replayed.Value.State != order.Draft || replayed.Value.Version != created.Value.Version {
		t.Errorf("got %+v", replayed.Value)
	}
}

// Under a key even a write that finds its work done has an outcome, so that the key can't be used for another.
func TestKeyOfAWriteThatChangesNothing(t *testing.T) {
	s := newService(t)
	q := order.Quoted{ID: "q", Content: oneItem("x"), Total: 100}
	if _, err := s.AddQuoted(t.Context(), by("a"), q); err != nil {
		t.Fatal(err)
	}
	w := by("a")
	w.Key, w.Fingerprint = "k", sha256.Sum256([]byte("the same again"))
	for _, replayed := range []bool{false, true} {
		got, err := s.AddQuoted(t.Context(), w, q)
		if err != nil || got.Replayed != replayed || got.Value.Version != 1 {
			t.Fatalf("got %+v, %v, want replayed %v", got, err, replayed)
		}
	}
	w.Fingerprint = sha256.Sum256([]byte("another"))
	_, err := s.AddQuoted(t.Context(), w, order.Quoted{ID: "other", Content: oneItem("x"), Total: 1})
	wantReason(t, err, order.IdempotencyKeyReused)

	same := func(c order.Content) (order.Content, error) { return c, nil }
	w.Key = "k2"
	for _, replayed := range []bool{false, true} {
		got, err := s.UpdateOrder(t.Context(), w, "q", same)
		if err != nil || got.Replayed != replayed || got.Value.Version != 1 {
			t.Fatalf("got %+v, %v, want replayed %v", got, err, replayed)
		}
	}
}

// A condition that can't hold is refused, never passed over.
func TestIfMatchWhereThereIsNothingToMatch(t *testing.T) {
	s := newService(t)
	w := by("a")
	w.IfMatch = []string{"*"}
	_, err := s.CreateOrder(t.Context(), w, "", oneLine("x"))
	wantReason(t, err, order.IfMatchFailed)
	_, err = s.AddQuoted(t.Context(), w, order.Quoted{ID: "q", Content: oneItem("x")})
	wantReason(t, err, order.IfMatchFailed)
	_, err = s.CreateProduct(t.Context(), w, "", order.ProductContent{Title: "x", Price: order.Money{Currency: "USD"}})
	wantReason(t, err, order.IfMatchFailed)
	_, err = s.ReplaceQuoted(t.Context(), w, []order.Quoted{{ID: "q", Content: oneItem("x")}})
	wantReason(t, err, order.InvalidField)
	_, err = s.CombineOrders(t.Context(), w, []string{"q"}, func(*order.Order) error { return nil })
	wantReason(t, err, order.InvalidField)
}

func TestUpdatesToOneOrderAreNotLost(t *testing.T) {
	s := newService(t)
	created, err := s.CreateOrder(t.Context(), by("a"), "", oneLine("x"))
	if err != nil {
		t.Fatal(err)
	}
	const callers = 6
	errs := make([]error, callers)
	together(callers, func(i int) {
		_, errs[i] = s.UpdateOrder(t.Context(), by("a"), created.Value.ID, func(c order.Content) (order.Content, error) {
			if c.Labels == nil {
				c.Labels = map[string]string{}
			}
			c.Labels[fmt.Sprintf("label%d", i)] = "set"
			return c, nil
		})
	})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	now, err := s.GetOrder(t.Context(), by("a").Actor, created.Value.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(now.Labels) != callers || now.Version != 1+callers {
		t.Errorf("%d labels at version %d", len(now.Labels), now.Version)
	}
}

// A line with a product keeps what it copied, whatever becomes of the product.
func TestLineKeepsItsSnapshot(t *testing.T) {
	s := newService(t)
	product := order.ProductContent{SKU: "S1", Title: "Then", Price: order.Money{Currency: "USD", Amount: 250}}
	if _, err := s.CreateProduct(t.Context(), by("a"), "p", product); err != nil {
		t.Fatal(err)
	}
	content := order.Content{Currency: "USD", Lines: []order.Line{{LineContent: order.LineContent{ProductID: "p", Quantity: 3}}}}
	created, err := s.CreateOrder(t.Context(), by("a"), "", content)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateProduct(t.Context(), by("a"), "p", func(c order.ProductContent) (order.ProductContent, error) {
		c.Title, c.Price.Amount = "Now", 999
		return c, nil
	}); err != nil {
		t.Fatal(err)
	}
	now, err := s.GetOrder(t.Context(), by("a").Actor, created.Value.ID)
	if err != nil {
		t.Fatal(err)
	}
	line := now.Lines[0]
	if line.Title != "Then" || line.SKU != "S1" || *line.UnitPrice != 250 || now.Totals.Total != 750 {
		t.Errorf("got %+v, total %d", line, now.Totals.Total)
	}
	_, err = s.CreateOrder(t.Context(), by("b"), "", content)
	wantReason(t, err, order.InvalidField) // another tenant's product does not exist
}

// An update of nothing makes no version; one line's id is never given to another.
func TestUpdateOfNothingAndIDsOfLines(t *testing.T) {
	s := newService(t)
	created, err := s.CreateOrder(t.Context(), by("a"), "", oneLine("first"))
	if err != nil {
		t.Fatal(err)
	}
	id := created.Value.ID
	same, err := s.UpdateOrder(t.Context(), by("a"), id, func(c order.Content) (order.Content, error) { return c, nil })
	if err != nil || same.Value.Version != 1 {
		t.Fatalf("got version %d, %v", same.Value.Version, err)
	}
	changed, err := s.UpdateOrder(t.Context(), by("a"), id, func(c order.Content) (order.Content, error) {
		c.Lines = oneLine("second").Lines
		return c, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if first, second := created.Value.Lines[0].ID, changed.Value.Lines[0].ID; first == second || changed.Value.Version != 2 {
		t.Errorf("the id %s became that of another line, at version %d", second, changed.Value.Version)
	}
}

func TestCanceledContext(t *testing.T) {
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.CreateOrder(ctx, by("a"), "", oneLine("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func oneItem(title string) order.Content {
	return order.Content{Currency: "USD", Destination: "there", Lines: []order.Line{{LineContent: order.LineContent{Title: title, Quantity: 1}}}}
}

// together runs something many times at once and waits for all of it.
func together(n int, run func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { run(i) })
	}
	all.Wait()
}
