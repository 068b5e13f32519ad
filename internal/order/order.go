// Package order is the domain: orders, products and shipments, their money and their states, the use cases over them,
// and the Store they need. It knows no protobuf, no gRPC and no SQL.
package order

import (
	"maps"
	"slices"
	"time"
)

// Order is what a customer wants, at what price, going where, and how far it has come.
//
// The JSON form of Order, Product and Shipment is how stores keep them: names of fields are never reused for something
// else, and a document without a new field must stay readable.
type Order struct {
	ID          string `json:"id"`
	Number      string `json:"number"`
	State       State  `json:"state"`
	Stamp       `json:"stamp"`
	Content     `json:"content"`
	QuotedTotal *Amount  `json:"quoted_total,omitempty"` // set while the order is as v1 made it: v1 has no line prices
	Totals      Totals   `json:"totals"`
	ShipmentIDs []string `json:"shipments,omitempty"`

	ConfirmTime  time.Time `json:"confirm_time,omitzero"`
	CancelTime   time.Time `json:"cancel_time,omitzero"`
	CompleteTime time.Time `json:"complete_time,omitzero"`
	DeleteTime   time.Time `json:"delete_time,omitzero"`
}

// Stamp is what every stored resource carries: which version it is, and who made it when. Times have microseconds, since
// that is what every store keeps.
type Stamp struct {
	Version    int64     `json:"version"` // 1 for a new resource, then one more with each change
	CreateTime time.Time `json:"create_time"`
	UpdateTime time.Time `json:"update_time"`
	Subject    string    `json:"subject,omitempty"` // who made this version
	Method     string    `json:"method,omitempty"`  // by which method
}

// Content is the part of an order that its caller writes.
type Content struct {
	ExternalID      string            `json:"external_id,omitempty"` // unique within the tenant when set
	Description     string            `json:"description,omitempty"`
	Customer        Customer          `json:"customer,omitzero"`
	ShippingAddress *Address          `json:"shipping_address,omitempty"`
	BillingAddress  *Address          `json:"billing_address,omitempty"`
	Destination     string            `json:"destination,omitempty"`
	Currency        string            `json:"currency"` // ISO 4217
	Lines           []Line            `json:"lines,omitempty"`
	ShippingCharge  Amount            `json:"shipping_charge,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
}

// Line is so many of one thing, at one price.
type Line struct {
	LineContent
	Reserved  int64 `json:"reserved,omitempty"`
	Shipped   int64 `json:"shipped,omitempty"`
	Delivered int64 `json:"delivered,omitempty"`
	Canceled  int64 `json:"canceled,omitempty"`
	Returned  int64 `json:"returned,omitempty"`
}

// LineContent is the part of a line that its caller writes. A line without a product is legal; no stock is kept for it.
type LineContent struct {
	ID        string  `json:"id"`
	ProductID string  `json:"product,omitempty"`
	SKU       string  `json:"sku,omitempty"`
	Title     string  `json:"title,omitempty"`
	Quantity  int64   `json:"quantity"`
	UnitPrice *Amount `json:"unit_price,omitempty"` // absent only under a quoted total
	Discount  Amount  `json:"discount,omitempty"`
	Tax       Amount  `json:"tax,omitempty"`
}

// Totals is what an order costs, in its currency.
type Totals struct {
	Subtotal Amount `json:"subtotal"`
	Discount Amount `json:"discount,omitempty"`
	Tax      Amount `json:"tax,omitempty"`
	Shipping Amount `json:"shipping,omitempty"`
	Total    Amount `json:"total"`
}

// Customer is a customer as the caller knows them.
type Customer struct {
	ID          string `json:"id,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	Email       string `json:"email,omitempty"`
}

// Address is a postal address.
type Address struct {
	Recipient          string   `json:"recipient,omitempty"`
	Organization       string   `json:"organization,omitempty"`
	Lines              []string `json:"lines,omitempty"`
	Locality           string   `json:"locality,omitempty"`
	AdministrativeArea string   `json:"administrative_area,omitempty"`
	PostalCode         string   `json:"postal_code,omitempty"`
	RegionCode         string   `json:"region_code,omitempty"`
	PhoneNumber        string   `json:"phone_number,omitempty"`
}

// Product is something that can be ordered.
type Product struct {
	ID             string `json:"id"`
	Stamp          `json:"stamp"`
	ProductContent `json:"content"`
}

// ProductContent is the part of a product that its caller writes.
type ProductContent struct {
	SKU         string            `json:"sku"` // unique within the tenant
	Title       string            `json:"title"`
	Description string            `json:"description,omitempty"`
	Price       Money             `json:"price"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Shipment is lines of one or many orders that travel to one destination together.
type Shipment struct {
	ID          string        `json:"id"`
	State       ShipmentState `json:"state"`
	Stamp       `json:"stamp"`
	Destination string         `json:"destination"`
	Lines       []ShipmentLine `json:"lines"`
}

// ShipmentLine is so many of one line of one order.
type ShipmentLine struct {
	OrderID  string `json:"order"`
	LineID   string `json:"line"`
	Quantity int64  `json:"quantity"`
}

// Clone copies the order: a change of one does not show in the other.
func (o *Order) Clone() *Order {
	c := *o
	c.Content = o.Content.clone()
	c.ShipmentIDs = slices.Clone(o.ShipmentIDs)
	if o.QuotedTotal != nil {
		total := *o.QuotedTotal
		c.QuotedTotal = &total
	}
	return &c
}

// Clone copies the product.
func (p *Product) Clone() *Product {
	c := *p
	c.Labels, c.Annotations = maps.Clone(p.Labels), maps.Clone(p.Annotations)
	return &c
}

// Clone copies the shipment.
func (s *Shipment) Clone() *Shipment {
	c := *s
	c.Lines = slices.Clone(s.Lines)
	return &c
}

// OrderIDs lists the orders a shipment holds lines of, each once, in the order of its lines.
func (s *Shipment) OrderIDs() []string {
	var ids []string
	seen := make(map[string]bool, len(s.Lines))
	for _, line := range s.Lines {
		if !seen[line.OrderID] {
			seen[line.OrderID] = true
			ids = append(ids, line.OrderID)
		}
	}
	return ids
}

// Deleted says whether the order is soft-deleted.
func (o *Order) Deleted() bool { return !o.DeleteTime.IsZero() }

// Retention is how long a deleted order can be undeleted.
const Retention = 30 * 24 * time.Hour

// PurgeTime is when a deleted order is gone for good; zero for one that is not deleted.
func (o *Order) PurgeTime() time.Time {
	if !o.Deleted() {
		return time.Time{}
	}
	return o.DeleteTime.Add(Retention)
}
