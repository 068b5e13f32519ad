package storetest

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"ordermanagement/internal/order"
)

// Epoch is the time at which the resources of the fixtures were made.
var Epoch = time.Date(2026, 11, 22, 18, 30, 0, 123456000, time.UTC)

func stamp(version int64) order.Stamp {
	return order.Stamp{
		Version: version, CreateTime: Epoch, UpdateTime: Epoch.Add(time.Duration(version-1) * time.Second),
		Subject: "clerk@example.com", Method: "/ordermanagement.v2.OrderService/CreateOrder",
	}
}

func amount(n order.Amount) *order.Amount { return &n }

// Order is a typical new order, about 1.3 kB of JSON.
func Order(id string) *order.Order {
	o := &order.Order{
		ID: id, Number: "N-" + id, State: order.Draft, Stamp: stamp(1),
		Content: order.Content{
			Description: "Deliver before noon",
			Customer:    order.Customer{ID: "customers/1971", DisplayName: "Ada Lovelace", Email: "ada@example.com"},
			ShippingAddress: &order.Address{
				Recipient: "Ada Lovelace", Lines: []string{"12 St James's Square"}, Locality: "London",
				PostalCode: "SW1Y 4JH", RegionCode: "GB",
			},
			Destination: "London", Currency: "GBP", ShippingCharge: 495,
			Labels: map[string]string{"channel": "web", "priority": "normal"},
		},
		Totals: order.Totals{Subtotal: 9000, Tax: 1800, Shipping: 495, Total: 11295},
	}
	for i := range 3 {
		o.Lines = append(o.Lines, order.Line{LineContent: order.LineContent{
			ID: fmt.Sprint(i + 1), ProductID: fmt.Sprintf("01K%023d", i), SKU: fmt.Sprintf("SKU-%04d", i),
			Title: fmt.Sprintf("Analytical engine part %d", i), Quantity: 3, UnitPrice: amount(1000), Tax: 600,
		}})
	}
	return o
}

// MaximalOrder is an order with every field set.
func MaximalOrder(id string) *order.Order {
	o := Order(id)
	o.State, o.Version, o.ExternalID = order.Completed, 1, "external-"+id
	o.BillingAddress = &order.Address{
		Recipient: "Grace Hopper", Organization: "Navy", Lines: []string{"1 Main St", "Floor 2"}, Locality: "Arlington",
		AdministrativeArea: "VA", PostalCode: "22201", RegionCode: "US", PhoneNumber: "+12025550100",
	}
	o.Annotations = map[string]string{"note": "fragile", "empty": ""}
	o.Lines[0] = order.Line{
		LineContent: order.LineContent{
			ID: "1", ProductID: "p1", SKU: "S", Title: "Ünï <&> \"quoted\" \\ 漢字 🚚\n", Quantity: 1<<53 + 1,
			UnitPrice: amount(0), Discount: -1, Tax: 1<<63 - 1,
		},
		Reserved: 1, Shipped: 2, Delivered: 3, Canceled: 4, Returned: 5,
	}
	o.QuotedTotal = amount(-1 << 63)
	o.Totals = order.Totals{Subtotal: 1, Discount: 2, Tax: 3, Shipping: 4, Total: 5}
	o.ShipmentIDs = []string{"s1", "s2"}
	o.ConfirmTime, o.CancelTime = Epoch.Add(1*time.Microsecond), Epoch.Add(2*time.Microsecond)
	o.CompleteTime, o.DeleteTime = Epoch.Add(3*time.Microsecond), Epoch.Add(4*time.Microsecond)
	return o
}

// MinimalOrder is an order with as little set as can be.
func MinimalOrder(id string) *order.Order {
	return &order.Order{ID: id, Stamp: order.Stamp{Version: 1, CreateTime: Epoch}}
}

// Product is a new product.
func Product(id string) *order.Product {
	return &order.Product{ID: id, Stamp: stamp(1), ProductContent: order.ProductContent{
		SKU: "SKU-" + id, Title: "Difference engine", Description: "Brass", Price: order.Money{Currency: "GBP", Amount: 1700000},
		Labels: map[string]string{"shelf": "3"}, Annotations: map[string]string{"weight": "5 t"},
	}}
}

// Shipment is a new shipment of lines of two orders.
func Shipment(id string) *order.Shipment {
	return &order.Shipment{ID: id, State: order.ShipmentPending, Stamp: stamp(1), Destination: "London", Lines: []order.ShipmentLine{
		{OrderID: "o1", LineID: "1", Quantity: 2}, {OrderID: "o2", LineID: "1", Quantity: 1},
	}}
}

// Next is a copy of a resource as its next version.
func Next[T order.Order | order.Product | order.Shipment](resource *T) *T {
	next := *resource
	switch r := any(&next).(type) {
	case *order.Order:
		r.Version++
	case *order.Product:
		r.Version++
	case *order.Shipment:
		r.Version++
	}
	return &next
}

// Key is an idempotency key whose outcome is kept for 48 hours.
func Key(text string) *order.Key {
	return &order.Key{
		Hash: sha256.Sum256([]byte(text)), Fingerprint: sha256.Sum256([]byte("request of " + text)),
		Time: Epoch, NotSince: Epoch.Add(-48 * time.Hour),
	}
}

// Orders is a change that makes orders for a tenant.
func Orders(tenant string, orders ...*order.Order) *order.Change {
	return &order.Change{Tenant: tenant, Orders: orders}
}

// Must applies a change that nothing stands against.
func Must(t *testing.T, store order.Store, change *order.Change) {
	t.Helper()
	if err := store.Apply(t.Context(), change); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}
