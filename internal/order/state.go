package order

import (
	"slices"
	"strings"
)

// State is how far an order has come.
type State string

// The states of an order.
const (
	Draft     State = "DRAFT"
	Confirmed State = "CONFIRMED"
	OnHold    State = "ON_HOLD"
	Canceled  State = "CANCELED"
	Completed State = "COMPLETED"
)

// Transition is a method that changes the state of an order.
type Transition string

// The transitions of an order. Complete happens by itself; Delete and Undelete keep the state.
const (
	Confirm  Transition = "confirm"
	Hold     Transition = "hold"
	Release  Transition = "release"
	Cancel   Transition = "cancel"
	Complete Transition = "complete"
	Delete   Transition = "delete"
)

// rule is one row of the table of transitions.
type rule struct {
	from []State
	to   State // empty: the state stays
}

// transitions is the whole state machine of an order.
var transitions = map[Transition]rule{
	Confirm:  {from: []State{Draft}, to: Confirmed},
	Hold:     {from: []State{Confirmed}, to: OnHold},
	Release:  {from: []State{OnHold}, to: Confirmed},
	Cancel:   {from: []State{Draft, Confirmed, OnHold}, to: Canceled},
	Complete: {from: []State{Confirmed}, to: Completed},
	Delete:   {from: []State{Draft, Canceled, Completed}},
}

// check says whether the transition is allowed from the state that the order is in.
func (t Transition) check(o *Order) error {
	r := transitions[t]
	if slices.Contains(r.from, o.State) {
		return nil
	}
	from := make([]string, len(r.from))
	for i, state := range r.from {
		from[i] = string(state)
	}
	want := strings.Join(from, " or ")
	return &Error{
		Reason:        InvalidTransition,
		Message:       "can't " + string(t) + " an order that is " + string(o.State) + "; it must be " + want,
		Preconditions: o.mustBe(want),
	}
}

// mustBe is the precondition on the state of an order that it does not meet.
func (o *Order) mustBe(want string) []Precondition {
	return []Precondition{{"STATE", OrderName(o.ID), "state is " + string(o.State) + ", must be " + want}}
}

// ShipmentState is how far a shipment has come.
type ShipmentState string

// The states of a shipment.
const (
	ShipmentPending   ShipmentState = "PENDING"
	ShipmentShipped   ShipmentState = "SHIPPED"
	ShipmentDelivered ShipmentState = "DELIVERED"
	ShipmentCanceled  ShipmentState = "CANCELED"
	ShipmentFailed    ShipmentState = "FAILED"
)

// FulfillmentState is how much of an order has left.
type FulfillmentState string

// The fulfillment states of an order.
const (
	Unfulfilled        FulfillmentState = "UNFULFILLED"
	PartiallyFulfilled FulfillmentState = "PARTIALLY_FULFILLED"
	Fulfilled          FulfillmentState = "FULFILLED"
)

// ReturnState is how much of an order came back.
type ReturnState string

// The return states of an order.
const (
	NotReturned       ReturnState = "NOT_RETURNED"
	PartiallyReturned ReturnState = "PARTIALLY_RETURNED"
	Returned          ReturnState = "RETURNED"
)

// FulfillmentState derives how much of the order has left from its lines.
func (o *Order) FulfillmentState() FulfillmentState {
	var shipped, due int64
	for _, line := range o.Lines {
		shipped += line.Shipped
		due += line.Quantity - line.Canceled
	}
	switch {
	case shipped == 0:
		return Unfulfilled
	case shipped < due:
		return PartiallyFulfilled
	default:
		return Fulfilled
	}
}

// ReturnState derives how much of the order came back from its lines.
func (o *Order) ReturnState() ReturnState {
	var returned, delivered int64
	for _, line := range o.Lines {
		returned += line.Returned
		delivered += line.Delivered
	}
	switch {
	case returned == 0:
		return NotReturned
	case returned < delivered:
		return PartiallyReturned
	default:
		return Returned
	}
}
