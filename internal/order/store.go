package order

import (
	"context"
	"time"
)

// Store keeps the resources of all tenants. The tenant is part of every key. Methods are safe for concurrent use, and
// what they return belongs to the caller, but for what View does.
//
// Errors: ErrNotFound from the getters; a *ConflictError from Apply; ErrUnavailable (wrapped) when the store can't
// answer now; the error of the context when that ends first. Anything else is a fault.
type Store interface {
	Orders() Reader[Order]
	Products() Reader[Product]
	Shipments() Reader[Shipment]

	// Outcome finds what an earlier write under the key has changed; ErrNotFound when there was none since the time.
	Outcome(ctx context.Context, tenant string, key [32]byte, since time.Time) (Outcome, error)

	// Apply makes a change, all of it or nothing. When it returns nil the change is durable and visible to every read
	// that begins afterwards. On ErrUnavailable or the end of the context the change may or may not have been made.
	Apply(ctx context.Context, change *Change) error

	// Sweep removes outcomes from before the time, at most a bounded number, and says how many it removed.
	Sweep(ctx context.Context, before time.Time) (int, error)

	// Ping reads from the store to see that it answers.
	Ping(ctx context.Context) error
	// Close waits for what runs and frees everything. Calls after it answer ErrUnavailable.
	Close() error
}

// Reader reads the resources of one kind.
type Reader[T any] interface {
	// Get reads the current version.
	Get(ctx context.Context, tenant, id string) (*T, error)
	// View reads what Get does, to be shown only: it is shared with other readers, and nobody may change it.
	View(ctx context.Context, tenant, id string) (*T, error)
	// GetAt reads the version with that number.
	GetAt(ctx context.Context, tenant, id string, version int64) (*T, error)
	// GetMany reads the current versions of those that exist, in one query, by id.
	GetMany(ctx context.Context, tenant string, ids []string) (map[string]*T, error)
	// List reads a page in the order of (create time, id).
	List(ctx context.Context, tenant string, query Query) (Page[T], error)
}

// Page is a part of a list.
type Page[T any] struct {
	Items []*T
	More  bool // there are more after the last one
}

// MaxPageBytes is how large the documents of a page may be together; the first one is always in it. A page is then well
// below the 4 MiB that gRPC clients take by default, and nobody can fill the memory with a thousand large ones.
const MaxPageBytes = 3 << 20

// Query says which page of a list to read.
type Query struct {
	Limit       int // at the most; a page of large documents has fewer: see MaxPageBytes
	Descending  bool
	After       *Position // the last one of the page before; nil for the first page
	ShowDeleted bool
	// ItemContains keeps the orders one of whose lines has a title that contains the text, case and all. Only for orders.
	ItemContains string
}

// Position is the place of a resource in a list.
type Position struct {
	CreateTime time.Time
	ID         string
}

// Position is the place of an order in a list.
func (o *Order) Position() Position { return Position{o.CreateTime, o.ID} }

// Position is the place of a product in a list.
func (p *Product) Position() Position { return Position{p.CreateTime, p.ID} }

// Kind names a kind of resource.
type Kind string

// The kinds of resources.
const (
	KindOrder    Kind = "order"
	KindProduct  Kind = "product"
	KindShipment Kind = "shipment"
)

// Change is everything that one write changes: the one way by which anything gets into a store. Every resource in it
// replaces the version before its own: a resource of version 1 must not exist, and one of version n must be stored as
// n-1. The store keeps the replaced version, so that GetAt still finds it.
type Change struct {
	Tenant    string
	Orders    []*Order
	Products  []*Product
	Shipments []*Shipment
	// Found are versions that the write answers and that were there before.
	Found []Ref
	// Key, when set, is stored with the change, together with which versions it answers.
	Key *Key
}

// Key makes a write safe to repeat. It is a hash over the caller, the method and the key that the caller chose.
type Key struct {
	Hash        [32]byte
	Fingerprint [32]byte // hash of the request
	Time        time.Time
	// NotSince: an outcome under the same hash from before this time has expired and is replaced.
	NotSince time.Time
}

// Outcome is what an earlier write under a key has changed.
type Outcome struct {
	Fingerprint [32]byte
	Made        []Ref
}

// Ref names one version of one resource.
type Ref struct {
	Kind    Kind   `json:"kind"`
	ID      string `json:"id"`
	Version int64  `json:"version"`
}

// Refs lists the versions that a change answers: those of its orders, products and shipments, which it makes, and those
// that it has found, in that order.
func (c *Change) Refs() []Ref {
	refs := make([]Ref, 0, len(c.Orders)+len(c.Products)+len(c.Shipments)+len(c.Found))
	for _, o := range c.Orders {
		refs = append(refs, Ref{KindOrder, o.ID, o.Version})
	}
	for _, p := range c.Products {
		refs = append(refs, Ref{KindProduct, p.ID, p.Version})
	}
	for _, s := range c.Shipments {
		refs = append(refs, Ref{KindShipment, s.ID, s.Version})
	}
	return append(refs, c.Found...)
}

// Conflict is why a change was not made.
type Conflict string

// The conflicts, in the order in which a store looks for them.
const (
	// ConflictKey: the key has an outcome already.
	ConflictKey Conflict = "key"
	// ConflictExists: a resource of version 1 is there already.
	ConflictExists Conflict = "exists"
	// ConflictStale: a resource is not stored as the version before the one that should replace it.
	ConflictStale Conflict = "stale"
	// ConflictUnique: another resource has the same external_id, sku or order number.
	ConflictUnique Conflict = "unique"
)

// ConflictError says why a change was not made. Nothing of it was.
type ConflictError struct {
	Conflict Conflict
	Kind     Kind
	ID       string // the resource of the change that conflicts
	Field    string // for ConflictUnique: "external_id", "sku" or "order_number"
}

func (e *ConflictError) Error() string {
	return "conflict: " + string(e.Conflict) + " " + string(e.Kind) + " " + e.ID + " " + e.Field
}
