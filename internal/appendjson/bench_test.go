package appendjson_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	v2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/appendjson"
)

// sample is an order as a shop has it.
func sample() *v2.Order {
	usd := func(units int64, cents int32) *money.Money {
		return &money.Money{CurrencyCode: "USD", Units: units, Nanos: cents * 1e7}
	}
	at := timestamppb.New(time.Date(2026, 11, 22, 10, 30, 0, 123456789, time.UTC))
	return &v2.Order{
		Name: "orders/01JD9Y2K7Q4W8Z3X6V5T1R0P9M", OrderNumber: "2026-000102", ExternalId: "shop-7781",
		State: v2.Order_CONFIRMED, FulfillmentState: v2.Order_PARTIALLY_FULFILLED, ReturnState: v2.Order_NOT_RETURNED,
		Customer:        &v2.Customer{Id: "c-42", DisplayName: "Zoë Ångström", Email: "zoe@example.com"},
		ShippingAddress: &v2.Address{Recipient: "Zoë Ångström", AddressLines: []string{"1 Infinite Loop", "Door 3"}, Locality: "San José", AdministrativeArea: "CA", PostalCode: "95014", RegionCode: "US"},
		Destination:     "San Jose, CA", CurrencyCode: "USD",
		LineItems: []*v2.LineItem{
			{Id: "1", Product: "products/watch-4", Sku: "WATCH-4", Title: "Watch, series 4", Quantity: 2, UnitPrice: usd(399, 99), Total: usd(799, 98), ReservedQuantity: 1, ShippedQuantity: 1},
			{Id: "2", Product: "products/phone-x", Sku: "PHONE-X", Title: `Phone X 5.8"`, Quantity: 1, UnitPrice: usd(999, 0), Tax: usd(80, 5), Total: usd(1079, 5), ReservedQuantity: 1},
		},
		Totals: &v2.OrderTotals{Subtotal: usd(1798, 98), Tax: usd(80, 5), Shipping: usd(12, 50), Total: usd(1891, 53)},
		Labels: map[string]string{"channel": "web", "priority": "high", "region": "us-west"}, Annotations: map[string]string{"note": "Leave at the door."},
		Etag: `"5f3a-1"`, CreateTime: at, UpdateTime: at, ConfirmTime: at,
	}
}

// BenchmarkOrder writes an order in both ways, and tells how many times faster ours is.
func BenchmarkOrder(b *testing.B) {
	m := sample()
	var theirs float64
	b.Run("protojson", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			spaced, err := protojson.Marshal(m)
			if err != nil {
				b.Fatal(err)
			}
			var out bytes.Buffer
			if err := json.Compact(&out, spaced); err != nil {
				b.Fatal(err)
			}
		}
		theirs = float64(b.Elapsed()) / float64(b.N)
	})
	b.Run("appendjson", func(b *testing.B) {
		b.ReportAllocs()
		buffer, err := appendjson.Message(nil, m)
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%d bytes of protobuf, %d of JSON", proto.Size(m), len(buffer))
		for b.Loop() {
			if _, err := appendjson.Message(buffer[:0], m); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(theirs/(float64(b.Elapsed())/float64(b.N)), "x-protojson")
	})
}
