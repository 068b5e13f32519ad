package order

import (
	"context"
	"slices"
	"time"
)

// Combined is a shipment with the orders it holds lines of.
type Combined struct {
	Shipment *Shipment
	Orders   []*Order
}

// CombineOrders confirms the drafts among the orders and puts everything of them that is not in a shipment yet into new
// PENDING shipments, one per destination, in one change. It answers those, and for an order that is in shipments already
// those shipments, in the order in which the ids were given. An order that does not exist, or can't ship, fails all; so
// does one that accept refuses, before anything has changed.
//
// It is safe to repeat by itself, so it takes no idempotency key.
func (s *Service) CombineOrders(ctx context.Context, w Write, ids []string, accept func(*Order) error) ([]Combined, error) {
	w.Key = ""
	result, err := write(ctx, s, w, func(ctx context.Context, now time.Time) ([]Combined, *Change, error) {
		if err := w.checkMany(); err != nil {
			return nil, nil, err
		}
		return s.combine(ctx, w.Tenant, now, ids, accept)
	}, nil)
	return result.Value, err
}

func (s *Service) combine(ctx context.Context, tenant string, now time.Time, ids []string, accept func(*Order) error) ([]Combined, *Change, error) {
	there, err := s.store.Orders().GetMany(ctx, tenant, ids)
	if err != nil {
		return nil, nil, err
	}
	plan := plan{now: now, byDestination: make(map[string]*Shipment)}
	for _, id := range ids {
		o := there[id]
		if o == nil || o.Deleted() {
			return nil, nil, notFound(OrderName(id))
		}
		if err := plan.add(o, s.newID); err != nil {
			return nil, nil, err
		}
	}
	combined, err := s.describe(ctx, tenant, &plan, there)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range combined {
		for _, o := range c.Orders {
			if err := accept(o); err != nil {
				return nil, nil, err
			}
		}
	}
	if len(plan.change.Shipments) == 0 {
		return combined, nil, nil
	}
	return combined, &plan.change, nil
}

// plan is what a batch of orders turns into.
type plan struct {
	now           time.Time
	change        Change
	byDestination map[string]*Shipment
	shipmentIDs   []string // in the order in which they are answered, each once
}

// add plans one order: it joins the shipment of its destination, or shows those it is in.
func (p *plan) add(o *Order, newID func(time.Time) (string, error)) error {
	if len(o.ShipmentIDs) > 0 {
		for _, id := range o.ShipmentIDs {
			if !slices.Contains(p.shipmentIDs, id) {
				p.shipmentIDs = append(p.shipmentIDs, id)
			}
		}
		return nil
	}
	if o.State != Confirmed {
		if err := o.transit(Confirm, p.now); err != nil {
			return err
		}
	}
	shipment := p.byDestination[o.Destination]
	if shipment == nil {
		id, err := newID(p.now)
		if err != nil {
			return err
		}
		shipment = &Shipment{ID: id, State: ShipmentPending, Destination: o.Destination}
		p.byDestination[o.Destination] = shipment
		p.change.Shipments = append(p.change.Shipments, shipment)
		p.shipmentIDs = append(p.shipmentIDs, id)
	}
	for i := range o.Lines {
		if due := o.Lines[i].Quantity - o.Lines[i].Canceled; due > 0 {
			shipment.Lines = append(shipment.Lines, ShipmentLine{OrderID: o.ID, LineID: o.Lines[i].ID, Quantity: due})
		}
	}
	o.ShipmentIDs = append(o.ShipmentIDs, shipment.ID)
	p.change.Orders = append(p.change.Orders, o)
	return nil
}

// describe finds the orders of every shipment in the plan.
func (s *Service) describe(ctx context.Context, tenant string, p *plan, orders map[string]*Order) ([]Combined, error) {
	var stored []string
	shipments := make(map[string]*Shipment, len(p.shipmentIDs))
	for _, shipment := range p.change.Shipments {
		shipments[shipment.ID] = shipment
	}
	for _, id := range p.shipmentIDs {
		if shipments[id] == nil {
			stored = append(stored, id)
		}
	}
	if stored != nil {
		there, err := s.store.Shipments().GetMany(ctx, tenant, stored)
		if err != nil {
			return nil, err
		}
		var missing []string
		for id, shipment := range there {
			shipments[id] = shipment
			for _, orderID := range shipment.OrderIDs() {
				if orders[orderID] == nil {
					missing = append(missing, orderID)
				}
			}
		}
		more, err := s.store.Orders().GetMany(ctx, tenant, missing)
		if err != nil {
			return nil, err
		}
		for id, o := range more {
			orders[id] = o
		}
	}
	combined := make([]Combined, 0, len(p.shipmentIDs))
	for _, id := range p.shipmentIDs {
		c := Combined{Shipment: shipments[id]}
		for _, orderID := range c.Shipment.OrderIDs() {
			c.Orders = append(c.Orders, orders[orderID])
		}
		combined = append(combined, c)
	}
	return combined, nil
}
