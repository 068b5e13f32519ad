package v2

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "ordermanagement/gen/ordermanagement/v2"

	"ordermanagement/internal/order"
)

// idOf is the last part of a resource name. The field rules have checked what stands before it.
func idOf(name string) string {
	_, id, _ := strings.Cut(name, "/")
	return id
}

// missing refuses a request without a field that the contract marks REQUIRED.
func missing(field string) error {
	return &order.Error{Reason: order.InvalidField, Message: field + ": is required", Violations: []order.Violation{{Field: field, Description: "is required"}}}
}

// contentOf is what the caller writes of an order. Output-only fields are ignored (AIP-203).
func contentOf(o *pb.Order) (order.Content, error) {
	c := order.Content{
		ExternalID:      o.GetExternalId(),
		Description:     o.GetDescription(),
		ShippingAddress: addressOf(o.GetShippingAddress()),
		BillingAddress:  addressOf(o.GetBillingAddress()),
		Destination:     o.GetDestination(),
		Currency:        o.GetCurrencyCode(),
		Labels:          o.GetLabels(),
		Annotations:     o.GetAnnotations(),
		Customer: order.Customer{
			ID: o.GetCustomer().GetId(), DisplayName: o.GetCustomer().GetDisplayName(), Email: o.GetCustomer().GetEmail(),
		},
	}
	var err error
	if c.ShippingCharge, err = amountOf(o.GetShippingCharge(), c.Currency, "shipping_charge"); err != nil {
		return c, err
	}
	for i, line := range o.GetLineItems() {
		l, err := lineOf(line, c.Currency, fmt.Sprintf("line_items[%d].", i))
		if err != nil {
			return c, err
		}
		c.Lines = append(c.Lines, order.Line{LineContent: l})
	}
	return c, nil
}

func lineOf(line *pb.LineItem, currency, at string) (order.LineContent, error) {
	l := order.LineContent{
		ID: line.GetId(), ProductID: idOf(line.GetProduct()), SKU: line.GetSku(), Title: line.GetTitle(), Quantity: int64(line.GetQuantity()),
	}
	if line.GetUnitPrice() != nil {
		price, err := amountOf(line.GetUnitPrice(), currency, at+"unit_price")
		if err != nil {
			return l, err
		}
		l.UnitPrice = &price
	}
	var err error
	if l.Discount, err = amountOf(line.GetDiscount(), currency, at+"discount"); err != nil {
		return l, err
	}
	l.Tax, err = amountOf(line.GetTax(), currency, at+"tax")
	return l, err
}

// amountOf is the exact amount of a Money in the currency of its order; no Money is nothing.
func amountOf(m *money.Money, currency, field string) (order.Amount, error) {
	if m == nil {
		return 0, nil
	}
	if m.GetCurrencyCode() != currency {
		return 0, refuse(field, order.CurrencyMismatch, fmt.Sprintf("is in %q, the order in %q", m.GetCurrencyCode(), currency))
	}
	amount, err := order.AmountFromNanos(currency, m.GetUnits(), m.GetNanos())
	if err != nil {
		return 0, refuse(field, err.Reason, err.Message)
	}
	return amount, nil
}

func refuse(field string, reason order.Reason, why string) error {
	return &order.Error{Reason: reason, Message: field + ": " + why, Violations: []order.Violation{{Field: field, Description: why}}}
}

func addressOf(a *pb.Address) *order.Address {
	if a == nil {
		return nil
	}
	return &order.Address{
		Recipient: a.GetRecipient(), Organization: a.GetOrganization(), Lines: a.GetAddressLines(), Locality: a.GetLocality(),
		AdministrativeArea: a.GetAdministrativeArea(), PostalCode: a.GetPostalCode(), RegionCode: a.GetRegionCode(),
		PhoneNumber: a.GetPhoneNumber(),
	}
}

func productContentOf(p *pb.Product) (order.ProductContent, error) {
	c := order.ProductContent{
		SKU: p.GetSku(), Title: p.GetTitle(), Description: p.GetDescription(), Labels: p.GetLabels(), Annotations: p.GetAnnotations(),
	}
	if p.GetPrice() == nil {
		return c, refuse("price", order.InvalidField, "is required")
	}
	c.Price.Currency = p.GetPrice().GetCurrencyCode()
	var err error
	c.Price.Amount, err = amountOf(p.GetPrice(), c.Price.Currency, "price")
	return c, err
}

// orderMessage is an order as v2 shows it.
func orderMessage(tenant string, o *order.Order) *pb.Order {
	m := &pb.Order{
		Name:             order.OrderName(o.ID),
		OrderNumber:      o.Number,
		State:            pb.Order_State(pb.Order_State_value[string(o.State)]),
		FulfillmentState: pb.Order_FulfillmentState(pb.Order_FulfillmentState_value[string(o.FulfillmentState())]),
		ReturnState:      pb.Order_ReturnState(pb.Order_ReturnState_value[string(o.ReturnState())]),
		Totals: &pb.OrderTotals{
			Subtotal: moneyMessage(o.Currency, o.Totals.Subtotal),
			Discount: moneyMessage(o.Currency, o.Totals.Discount),
			Tax:      moneyMessage(o.Currency, o.Totals.Tax),
			Shipping: moneyMessage(o.Currency, o.Totals.Shipping),
			Total:    moneyMessage(o.Currency, o.Totals.Total),
		},
		Etag:         o.Etag(tenant, order.OrderName(o.ID)),
		CreateTime:   timeMessage(o.CreateTime),
		UpdateTime:   timeMessage(o.UpdateTime),
		ConfirmTime:  timeMessage(o.ConfirmTime),
		CancelTime:   timeMessage(o.CancelTime),
		CompleteTime: timeMessage(o.CompleteTime),
		DeleteTime:   timeMessage(o.DeleteTime),
		PurgeTime:    timeMessage(o.PurgeTime()),
	}
	if o.QuotedTotal != nil {
		m.QuotedTotal = moneyMessage(o.Currency, *o.QuotedTotal)
	}
	putContent(m, &o.Content)
	return m
}

// putContent writes what the caller writes of an order into the message.
func putContent(m *pb.Order, c *order.Content) {
	m.ExternalId, m.Description, m.Destination, m.CurrencyCode = c.ExternalID, c.Description, c.Destination, c.Currency
	m.ShippingAddress, m.BillingAddress = addressMessage(c.ShippingAddress), addressMessage(c.BillingAddress)
	m.Labels, m.Annotations = c.Labels, c.Annotations
	if c.Customer != (order.Customer{}) {
		m.Customer = &pb.Customer{Id: c.Customer.ID, DisplayName: c.Customer.DisplayName, Email: c.Customer.Email}
	}
	if c.ShippingCharge != 0 {
		m.ShippingCharge = moneyMessage(c.Currency, c.ShippingCharge)
	}
	m.LineItems = make([]*pb.LineItem, len(c.Lines))
	for i := range c.Lines {
		m.LineItems[i] = lineMessage(c.Currency, &c.Lines[i])
	}
}

func lineMessage(currency string, l *order.Line) *pb.LineItem {
	m := &pb.LineItem{
		Id: l.ID, Sku: l.SKU, Title: l.Title, Quantity: int32(l.Quantity),
		ReservedQuantity: int32(l.Reserved), ShippedQuantity: int32(l.Shipped), DeliveredQuantity: int32(l.Delivered),
		CanceledQuantity: int32(l.Canceled), ReturnedQuantity: int32(l.Returned),
	}
	if l.ProductID != "" {
		m.Product = order.ProductName(l.ProductID)
	}
	if l.UnitPrice != nil {
		m.UnitPrice = moneyMessage(currency, *l.UnitPrice)
	}
	if l.Discount != 0 {
		m.Discount = moneyMessage(currency, l.Discount)
	}
	if l.Tax != 0 {
		m.Tax = moneyMessage(currency, l.Tax)
	}
	if total, ok := l.Total(); ok {
		m.Total = moneyMessage(currency, total)
	}
	return m
}

func productMessage(tenant string, p *order.Product) *pb.Product {
	m := &pb.Product{
		Name:       order.ProductName(p.ID),
		Etag:       p.Etag(tenant, order.ProductName(p.ID)),
		CreateTime: timeMessage(p.CreateTime),
		UpdateTime: timeMessage(p.UpdateTime),
	}
	putProductContent(m, &p.ProductContent)
	return m
}

// putProductContent writes what the caller writes of a product into the message.
func putProductContent(m *pb.Product, c *order.ProductContent) {
	m.Sku, m.Title, m.Description = c.SKU, c.Title, c.Description
	m.Labels, m.Annotations = c.Labels, c.Annotations
	m.Price = moneyMessage(c.Price.Currency, c.Price.Amount)
}

func addressMessage(a *order.Address) *pb.Address {
	if a == nil {
		return nil
	}
	return &pb.Address{
		Recipient: a.Recipient, Organization: a.Organization, AddressLines: a.Lines, Locality: a.Locality,
		AdministrativeArea: a.AdministrativeArea, PostalCode: a.PostalCode, RegionCode: a.RegionCode, PhoneNumber: a.PhoneNumber,
	}
}

func moneyMessage(currency string, a order.Amount) *money.Money {
	units, nanos := a.Nanos(currency)
	return &money.Money{CurrencyCode: currency, Units: units, Nanos: nanos}
}

// timeMessage is a time; none is absent.
func timeMessage(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
