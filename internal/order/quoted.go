package order

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Quoted is an order with one total for all of it and no line prices, as v1 makes them.
type Quoted struct {
	ID      string
	Content Content
	Total   Amount
}

// AddQuoted makes a draft of a quoted order. Adding the same one again answers the one that is there.
func (s *Service) AddQuoted(ctx context.Context, w Write, q Quoted) (Result[*Order], error) {
	result, err := s.create(ctx, w, q.ID, q.Content, &q.Total)
	if !errors.Is(err, &Error{Reason: ResourceAlreadyExists}) {
		return result, err
	}
	return writeOne(ctx, s, w, s.store.Orders(), func(ctx context.Context, _ time.Time) (*Order, *Change, error) {
		there, err := s.ownOrder(ctx, w.Actor, q.ID)
		if err != nil {
			return nil, nil, err
		}
		if there.Deleted() || !q.same(there) {
			return nil, nil, alreadyExists(OrderName(q.ID))
		}
		return there, w.found(Ref{KindOrder, there.ID, there.Version}), nil
	})
}

// same says whether the order is this one, as far as v1 can see.
func (q *Quoted) same(o *Order) bool {
	if o.QuotedTotal == nil || *o.QuotedTotal != q.Total || o.Currency != q.Content.Currency ||
		o.Description != q.Content.Description || o.Destination != q.Content.Destination || len(o.Lines) != len(q.Content.Lines) {
		return false
	}
	for i := range o.Lines {
		if o.Lines[i].Title != q.Content.Lines[i].Title || o.Lines[i].Quantity != q.Content.Lines[i].Quantity {
			return false
		}
	}
	return true
}

// ReplaceQuoted replaces the description, destination, lines and total of drafts that v1 made, all of them or none. Of
// several with one id the last one counts.
func (s *Service) ReplaceQuoted(ctx context.Context, w Write, quoted []Quoted) (Result[[]*Order], error) {
	ids := make([]string, len(quoted))
	for i := range quoted {
		ids[i] = quoted[i].ID
	}
	return write(ctx, s, w, func(ctx context.Context, _ time.Time) ([]*Order, *Change, error) {
		if err := w.checkMany(); err != nil {
			return nil, nil, err
		}
		there, err := s.store.Orders().GetMany(ctx, w.Tenant, ids)
		if err != nil {
			return nil, nil, err
		}
		var orders []*Order
		done := make(map[string]bool, len(quoted))
		for _, q := range quoted {
			o := there[q.ID]
			if err := replaceable(o, q.ID); err != nil {
				return nil, nil, err
			}
			content := o.Content.clone()
			content.Description, content.Destination, content.Lines = q.Content.Description, q.Content.Destination, q.Content.Lines
			total := q.Total
			o.QuotedTotal = &total
			if err := s.replaceContent(ctx, w.Tenant, o, content, true); err != nil {
				return nil, nil, err
			}
			if !done[q.ID] {
				done[q.ID] = true
				orders = append(orders, o)
			}
		}
		return orders, &Change{Orders: orders}, nil
	}, s.replayOrders(w.Tenant))
}

// replayOrders reads the orders that an earlier write under the same key has made.
func (s *Service) replayOrders(tenant string) func(context.Context, []Ref) ([]*Order, error) {
	return func(ctx context.Context, made []Ref) ([]*Order, error) {
		var orders []*Order
		for _, ref := range made {
			o, err := s.store.Orders().GetAt(ctx, tenant, ref.ID, ref.Version)
			if err != nil {
				return nil, err
			}
			orders = append(orders, o)
		}
		return orders, nil
	}
}

func replaceable(o *Order, id string) error {
	switch {
	case o == nil || o.Deleted():
		return notFound(OrderName(id))
	case o.State != Draft:
		return &Error{
			Reason: NotEditable, Message: OrderName(id) + " is " + string(o.State) + "; only a DRAFT can be replaced",
			Preconditions: o.mustBe(string(Draft)),
		}
	case o.QuotedTotal == nil:
		return &Error{
			Reason: NotEditable, Message: OrderName(id) + " has line prices, which v1 would lose; update it with v2",
			Preconditions: []Precondition{{"QUOTED", OrderName(id), "was made or changed by v2"}},
		}
	}
	return nil
}

// searchPage is how many orders a search reads at once.
const searchPage = 200

// Search finds the orders that are not deleted and have an item whose title contains the text, oldest first.
func (s *Service) Search(ctx context.Context, actor Actor, text string) iter.Seq2[*Order, error] {
	return func(yield func(*Order, error) bool) {
		query := Query{Limit: searchPage, ItemContains: text}
		for {
			page, err := s.store.Orders().List(ctx, actor.Tenant, query)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, o := range page.Items {
				if len(o.Lines) == 0 {
					continue // an empty text is part of every title, but of no order without one
				}
				if !yield(o, nil) {
					return
				}
			}
			if !page.More {
				return
			}
			last := page.Items[len(page.Items)-1].Position()
			query.After = &last
		}
	}
}
