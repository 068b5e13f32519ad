// Package record is what a store keeps of a change: its resources as rows, their documents as JSON, and which versions it
// answers. All stores share it, so that a document reads the same from each of them.
package record

import (
	"encoding/json"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"ordermanagement/internal/order"
)

// Shape says how the rows of one kind look. Every table has the tenant, the id, the version, the time of creation and of
// deletion, and the body; and a column for each field that is unique within the tenant.
type Shape struct {
	Kind   order.Kind
	Table  string
	Unique []string // columns, named as order.ConflictError names the fields
}

// Shapes lists the kinds of resources in the order in which a change lists them.
func Shapes() []Shape {
	return []Shape{
		{Kind: order.KindOrder, Table: "orders", Unique: []string{"external_id", "order_number"}},
		{Kind: order.KindProduct, Table: "products", Unique: []string{"sku"}},
		{Kind: order.KindShipment, Table: "shipments"},
	}
}

// Record is one version of one resource.
type Record struct {
	Kind       order.Kind
	ID         string
	Version    int64
	CreateTime time.Time
	DeleteTime time.Time // zero while the resource is not deleted
	Unique     []string  // the values of the shape's unique fields; an empty one is not set
	Body       string    // the JSON document; it holds everything, so that a read needs nothing else
}

// Write is a change, ready to be stored.
type Write struct {
	Tenant  string
	Records []Record
	Key     *order.Key
	Made    string // the refs of the change as JSON, when it has a key
}

// New encodes a change. It refuses a change that no store can make as order.Change says: one that makes a resource twice,
// or names a version below 1.
func New(change *order.Change) (*Write, error) {
	refs := change.Refs()
	made := len(refs) - len(change.Found)
	if err := check(refs, made); err != nil {
		return nil, err
	}
	write := &Write{Tenant: change.Tenant, Records: make([]Record, 0, made), Key: change.Key}
	for _, o := range change.Orders {
		err := write.add(order.KindOrder, o.ID, o.Stamp, o.DeleteTime, []string{o.ExternalID, o.Number}, o)
		if err != nil {
			return nil, err
		}
	}
	for _, p := range change.Products {
		if err := write.add(order.KindProduct, p.ID, p.Stamp, time.Time{}, []string{p.SKU}, p); err != nil {
			return nil, err
		}
	}
	for _, s := range change.Shipments {
		if err := write.add(order.KindShipment, s.ID, s.Stamp, time.Time{}, nil, s); err != nil {
			return nil, err
		}
	}
	if change.Key != nil {
		encoded, err := json.Marshal(refs)
		if err != nil {
			return nil, fmt.Errorf("encoding what a change answers: %w", err)
		}
		write.Made = string(encoded)
	}
	return write, nil
}

// check looks at all refs of a change, of which it makes the first ones. Those it has found may be named more than once, and
// may be versions that it replaces.
func check(refs []order.Ref, made int) error {
	type name struct {
		kind order.Kind
		id   string
	}
	seen := make(map[name]bool, made)
	for i, ref := range refs {
		if ref.Version < 1 {
			return fmt.Errorf("a change names %s %q of version %d; the first version is 1", ref.Kind, ref.ID, ref.Version)
		}
		if i >= made {
			continue
		}
		if seen[name{ref.Kind, ref.ID}] {
			return fmt.Errorf("a change makes %s %q twice", ref.Kind, ref.ID)
		}
		seen[name{ref.Kind, ref.ID}] = true
	}
	return nil
}

func (w *Write) add(kind order.Kind, id string, stamp order.Stamp, deleted time.Time, unique []string, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encoding %s %q: %w", kind, id, err)
	}
	w.Records = append(w.Records, Record{
		Kind: kind, ID: id, Version: stamp.Version, CreateTime: stamp.CreateTime, DeleteTime: deleted,
		Unique: unique, Body: string(body),
	})
	return nil
}

// Decode reads the document of a resource. Most of what reading an order costs is this, so it is done by what is to be
// encoding/json/v2, in half the time; documents are still written by encoding/json, whose omitempty they rely on.
func Decode[T any](body []byte) (*T, error) {
	document := new(T)
	if err := jsonv2.Unmarshal(body, document); err != nil {
		return nil, fmt.Errorf("decoding a stored document: %w", err)
	}
	return document, nil
}

// DecodeMade reads which versions a change answers.
func DecodeMade(made []byte) ([]order.Ref, error) {
	var refs []order.Ref
	if err := json.Unmarshal(made, &refs); err != nil {
		return nil, fmt.Errorf("decoding what a change answers: %w", err)
	}
	return refs, nil
}
