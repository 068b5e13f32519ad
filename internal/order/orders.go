package order

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"
)

// GetOrder reads an order, deleted ones too (AIP-164). It is to be shown only: others share it.
func (s *Service) GetOrder(ctx context.Context, actor Actor, id string) (*Order, error) {
	o, err := s.store.Orders().View(ctx, actor.Tenant, id)
	return o, orNotFound(err, OrderName(id))
}

// ownOrder reads an order that may be changed.
func (s *Service) ownOrder(ctx context.Context, actor Actor, id string) (*Order, error) {
	o, err := s.store.Orders().Get(ctx, actor.Tenant, id)
	return o, orNotFound(err, OrderName(id))
}

// orNotFound names the resource that a store has not found.
func orNotFound(err error, name string) error {
	if errors.Is(err, ErrNotFound) {
		return notFound(name)
	}
	return err
}

// ListOrders reads a page of orders.
func (s *Service) ListOrders(ctx context.Context, actor Actor, query Query) (Page[Order], error) {
	return s.store.Orders().List(ctx, actor.Tenant, query)
}

// CreateOrder makes a draft. The id is the caller's, or made here when it is empty.
func (s *Service) CreateOrder(ctx context.Context, w Write, id string, content Content) (Result[*Order], error) {
	return s.create(ctx, w, id, content, nil)
}

// create makes a draft, with a quoted total or without.
func (s *Service) create(ctx context.Context, w Write, id string, content Content, quoted *Amount) (Result[*Order], error) {
	return writeOne(ctx, s, w, s.store.Orders(), func(ctx context.Context, now time.Time) (*Order, *Change, error) {
		if err := w.checkNew(); err != nil {
			return nil, nil, err
		}
		o, err := s.newDraft(ctx, w.Tenant, now, id, content, quoted)
		if err != nil {
			return nil, nil, err
		}
		return o, &Change{Orders: []*Order{o}}, nil
	})
}

// newDraft makes version 0 of an order, which becomes 1 when it is written.
func (s *Service) newDraft(ctx context.Context, tenant string, now time.Time, id string, content Content, quoted *Amount) (*Order, error) {
	number, err := s.newNumber(now)
	if err != nil {
		return nil, err
	}
	if id == "" {
		if id, err = s.newID(now); err != nil {
			return nil, err
		}
	}
	o := &Order{ID: id, Number: number, State: Draft, Content: content.clone(), QuotedTotal: quoted}
	if err := s.complete(ctx, tenant, &o.Content, nil, quoted != nil); err != nil {
		return nil, err
	}
	o.Totals, err = o.total()
	return o, err
}

// UpdateOrder changes what the caller writes: edit turns the content as it is into the content as it shall be. Lines,
// prices and addresses change only while the order is a draft.
func (s *Service) UpdateOrder(ctx context.Context, w Write, id string, edit func(Content) (Content, error)) (Result[*Order], error) {
	return s.change(ctx, w, id, func(ctx context.Context, _ time.Time, o *Order) error {
		content, err := edit(o.Content.clone())
		if err != nil {
			return err
		}
		return s.replaceContent(ctx, w.Tenant, o, content, false)
	})
}

// replaceContent puts new content into an order, as far as its state allows.
func (s *Service) replaceContent(ctx context.Context, tenant string, o *Order, content Content, quoted bool) error {
	content = content.clone()
	if content.Currency != o.Currency {
		return invalid("currency_code", "can't change; it is %s", o.Currency)
	}
	// A line that keeps its id and words keeps its counters.
	sameLines := slices.EqualFunc(o.Lines, content.Lines, func(a, b Line) bool { return a.LineContent.equal(b.LineContent) })
	if sameLines {
		content.Lines = o.Lines
	} else if !quoted {
		o.QuotedTotal = nil
	}
	if o.State != Draft && !(sameLines && o.Content.sameBinding(&content)) {
		return &Error{
			Reason:        NotEditable,
			Message:       "lines, prices, customer and addresses change only while an order is DRAFT; it is " + string(o.State),
			Preconditions: o.mustBe(string(Draft)),
		}
	}
	if !sameLines {
		if err := s.complete(ctx, tenant, &content, o.Lines, o.QuotedTotal != nil); err != nil {
			return err
		}
	}
	o.Content = content
	var err error
	o.Totals, err = o.total()
	return err
}

// DeleteOrder hides an order; it can be undeleted until it is purged.
func (s *Service) DeleteOrder(ctx context.Context, w Write, id string) (Result[*Order], error) {
	return s.change(ctx, w, id, func(_ context.Context, now time.Time, o *Order) error {
		if err := Delete.check(o); err != nil {
			return err
		}
		o.DeleteTime = now
		return nil
	})
}

// UndeleteOrder brings a deleted order back as it was.
func (s *Service) UndeleteOrder(ctx context.Context, w Write, id string) (Result[*Order], error) {
	return s.changeAny(ctx, w, id, func(_ context.Context, _ time.Time, o *Order) error {
		if !o.Deleted() {
			return &Error{Reason: ResourceNotDeleted, Message: OrderName(id) + " is not deleted", Resource: OrderName(id)}
		}
		o.DeleteTime = time.Time{}
		return nil
	})
}

// TransitOrder changes the state of an order.
func (s *Service) TransitOrder(ctx context.Context, w Write, id string, t Transition) (Result[*Order], error) {
	return s.change(ctx, w, id, func(_ context.Context, now time.Time, o *Order) error { return o.transit(t, now) })
}

// transit moves the order along the table of transitions.
func (o *Order) transit(t Transition, now time.Time) error {
	if err := t.check(o); err != nil {
		return err
	}
	switch t {
	case Confirm:
		if len(o.Lines) == 0 {
			return &Error{
				Reason: InvalidTransition, Message: "can't confirm an order without lines; add one",
				Preconditions: []Precondition{{"LINES", OrderName(o.ID), "has no line_items, must have one"}},
			}
		}
		o.ConfirmTime = now
	case Cancel:
		if len(o.ShipmentIDs) > 0 {
			return &Error{
				Reason: InvalidTransition, Message: "can't cancel an order that is in a shipment",
				Preconditions: []Precondition{{"SHIPMENT", OrderName(o.ID), "is in " + ShipmentName(o.ShipmentIDs[0])}},
			}
		}
		for i := range o.Lines {
			o.Lines[i].Canceled = o.Lines[i].Quantity
		}
		o.CancelTime = now
	}
	o.State = transitions[t].to
	return nil
}

// orderEdit changes an order at the time.
type orderEdit func(ctx context.Context, now time.Time, o *Order) error

// change runs a write over one order that is there and not deleted.
func (s *Service) change(ctx context.Context, w Write, id string, edit orderEdit) (Result[*Order], error) {
	return s.changeAny(ctx, w, id, func(ctx context.Context, now time.Time, o *Order) error {
		if o.Deleted() {
			return deleted(o)
		}
		return edit(ctx, now, o)
	})
}

func deleted(o *Order) error {
	return &Error{
		Reason: ResourceDeleted, Message: OrderName(o.ID) + " is deleted; undelete it first",
		Preconditions: []Precondition{{"DELETED", OrderName(o.ID), "is deleted"}},
	}
}

// changeAny runs a write over one order that is there.
func (s *Service) changeAny(ctx context.Context, w Write, id string, edit orderEdit) (Result[*Order], error) {
	return writeOne(ctx, s, w, s.store.Orders(), func(ctx context.Context, now time.Time) (*Order, *Change, error) {
		o, err := s.ownOrder(ctx, w.Actor, id)
		if err != nil {
			return nil, nil, err
		}
		if err := w.checkEtag(OrderName(id), &o.Stamp); err != nil {
			return nil, nil, err
		}
		before := *o
		if err := edit(ctx, now, o); err != nil {
			return nil, nil, err
		}
		if reflect.DeepEqual(before, *o) {
			return o, w.found(Ref{KindOrder, o.ID, o.Version}), nil
		}
		return o, &Change{Orders: []*Order{o}}, nil
	})
}

// sameBinding says whether two contents agree in what binds the parties once an order is confirmed, lines aside.
func (c *Content) sameBinding(other *Content) bool {
	return c.Customer == other.Customer && c.ShippingAddress.equal(other.ShippingAddress) &&
		c.BillingAddress.equal(other.BillingAddress) && c.Destination == other.Destination &&
		c.ShippingCharge == other.ShippingCharge
}

// clone copies the content as deep as a caller can change it.
func (c Content) clone() Content {
	c.ShippingAddress = c.ShippingAddress.clone()
	c.BillingAddress = c.BillingAddress.clone()
	c.Lines = slices.Clone(c.Lines)
	prices := make([]Amount, len(c.Lines)) // one allocation for all
	for i := range c.Lines {
		if price := c.Lines[i].UnitPrice; price != nil {
			prices[i] = *price
			c.Lines[i].UnitPrice = &prices[i]
		}
	}
	c.Labels = maps.Clone(c.Labels)
	c.Annotations = maps.Clone(c.Annotations)
	return c
}

func (l LineContent) equal(other LineContent) bool {
	a, b := l.UnitPrice, other.UnitPrice
	if (a == nil) != (b == nil) || (a != nil && *a != *b) {
		return false
	}
	l.UnitPrice, other.UnitPrice = nil, nil
	return l == other
}

func (a *Address) clone() *Address {
	if a == nil {
		return nil
	}
	c := *a
	c.Lines = slices.Clone(a.Lines)
	return &c
}

func (a *Address) equal(other *Address) bool {
	if a == nil || other == nil {
		return a == other
	}
	x, y := *a, *other
	x.Lines, y.Lines = nil, nil
	return slices.Equal(a.Lines, other.Lines) && x.same(&y)
}

func (a *Address) same(b *Address) bool {
	return a.Recipient == b.Recipient && a.Organization == b.Organization && a.Locality == b.Locality &&
		a.AdministrativeArea == b.AdministrativeArea && a.PostalCode == b.PostalCode &&
		a.RegionCode == b.RegionCode && a.PhoneNumber == b.PhoneNumber
}
