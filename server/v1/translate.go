package v1

import (
	pb "ordermanagement/gen/ordermanagement/v1"

	"ordermanagement/internal/order"
)

// quoted is a v1 order as the domain knows it: each item a line of one, without a product or a price of its own.
func (v *V1) quoted(o *pb.Order) (order.Quoted, error) {
	total, err := v.price(o.GetPrice())
	if err != nil {
		return order.Quoted{}, err
	}
	lines := make([]order.Line, len(o.GetItems()))
	for i, item := range o.GetItems() {
		lines[i] = order.Line{LineContent: order.LineContent{Title: item, Quantity: 1}}
	}
	return order.Quoted{
		ID: o.GetId(),
		Content: order.Content{
			Description: o.GetDescription(),
			Destination: o.GetDestination(),
			Currency:    v.Currency,
			Lines:       lines,
		},
		Total: total,
	}, nil
}

// price is the exact amount of a float.
func (v *V1) price(f float32) (order.Amount, error) {
	amount, err := order.AmountFromFloat32(v.Currency, f)
	if err != nil {
		return 0, &order.Error{Reason: err.Reason, Message: "price: " + err.Message, Violations: []order.Violation{{Field: "price", Description: err.Message}}}
	}
	return amount, nil
}

// show is an order as v1 shows it: exactly, or not at all. What v1 has no field for at all, such as labels, is nothing
// that it shows wrongly.
func (v *V1) show(o *order.Order) (*pb.Order, error) {
	if o.Deleted() {
		return nil, &order.Error{Reason: order.ResourceNotFound, Message: order.OrderName(o.ID) + " does not exist", Resource: order.OrderName(o.ID)}
	}
	if o.Currency != v.Currency {
		return nil, notShown(order.OrderName(o.ID), "currency_code")
	}
	price, ok := o.Totals.Total.Float32(o.Currency)
	if !ok {
		return nil, notShown(order.OrderName(o.ID), "totals.total")
	}
	items := make([]string, len(o.Lines))
	for i, line := range o.Lines {
		if line.Quantity != 1 {
			return nil, notShown(order.OrderName(o.ID), "line_items.quantity")
		}
		items[i] = line.Title
	}
	return &pb.Order{Id: o.ID, Items: items, Description: o.Description, Price: price, Destination: o.Destination}, nil
}

// processed is the status of every shipment that v1 shows.
const processed = "Processed!"

func (v *V1) showCombined(c order.Combined) (*pb.CombinedShipment, error) {
	shown := &pb.CombinedShipment{Id: c.Shipment.ID, Status: processed}
	for _, o := range c.Orders {
		one, err := v.show(o)
		if err != nil {
			return nil, err
		}
		shown.OrdersList = append(shown.OrdersList, one)
	}
	return shown, nil
}

func notShown(name, field string) error {
	return &order.Error{
		Reason:        order.NotRepresentableInV1,
		Message:       "v1 has no field that could show " + field + " of " + name + "; read it with v2",
		Preconditions: []order.Precondition{{Type: "REPRESENTATION", Subject: name, Description: field + " can't be shown exactly"}},
	}
}
