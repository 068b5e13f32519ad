package record_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/record"
	"ordermanagement/internal/store/storetest"
)

// TestStoredForm compares with documents as an earlier program has stored them: they must stay readable, and mean the same.
// A new field is added to them; nothing else in them is ever changed.
func TestStoredForm(t *testing.T) {
	write, err := record.New(&order.Change{
		Tenant: "t", Orders: []*order.Order{storetest.MaximalOrder("o"), storetest.MinimalOrder("m")},
		Products: []*order.Product{storetest.Product("p")}, Shipments: []*order.Shipment{storetest.Shipment("s")},
		Found: []order.Ref{{Kind: order.KindOrder, ID: "before", Version: 7}}, Key: storetest.Key("k"),
	})
	if err != nil {
		t.Fatal(err)
	}
	stored(t, "order.json", write.Records[0], storetest.MaximalOrder("o"))
	stored(t, "minimal.json", write.Records[1], storetest.MinimalOrder("m"))
	stored(t, "product.json", write.Records[2], storetest.Product("p"))
	stored(t, "shipment.json", write.Records[3], storetest.Shipment("s"))
	const made = `[{"kind":"order","id":"o","version":1},{"kind":"order","id":"m","version":1},` +
		`{"kind":"product","id":"p","version":1},{"kind":"shipment","id":"s","version":1},{"kind":"order","id":"before","version":7}]`
	if len(write.Records) != 4 {
		t.Errorf("%d records, want 4", len(write.Records))
	}
	if write.Made != made {
		t.Errorf("made: %s, want %s", write.Made, made)
	}
}

func stored[T any](t *testing.T, name string, got record.Record, want *T) {
	t.Helper()
	golden, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(got.Body), "", "  "); err != nil {
		t.Fatal(err)
	}
	if text := indented.String() + "\n"; text != string(golden) {
		t.Errorf("%s is now stored as\n%s", name, text)
	}
	document, err := record.Decode[T](golden)
	if err != nil || !reflect.DeepEqual(document, want) {
		t.Errorf("%s is read as %+v, want %+v; %v", name, document, want, err)
	}
}

// TestShapes: a record has a value for each unique field of its shape.
func TestShapes(t *testing.T) {
	o := storetest.Order("o")
	o.ExternalID = "x"
	write, err := record.New(&order.Change{
		Orders: []*order.Order{o}, Products: []*order.Product{storetest.Product("p")}, Shipments: []*order.Shipment{storetest.Shipment("s")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]string{{"external_id": "x", "order_number": o.Number}, {"sku": "SKU-p"}, {}}
	for i, shape := range record.Shapes() {
		rec, got := write.Records[i], map[string]string{}
		for j, field := range shape.Unique {
			got[field] = rec.Unique[j]
		}
		if rec.Kind != shape.Kind || !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%s: %s %v, want %v", shape.Kind, rec.Kind, got, want[i])
		}
	}
}

func TestDecodeGarbage(t *testing.T) {
	for _, text := range []string{"", "null x", "[]", `{"id":1}`} {
		if _, err := record.Decode[order.Order]([]byte(text)); err == nil {
			t.Errorf("Decode %q: no error", text)
		}
	}
	if _, err := record.DecodeMade([]byte("{")); err == nil {
		t.Error("DecodeMade: no error")
	}
}
