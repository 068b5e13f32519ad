package record

import (
	"math"

	"ordermanagement/internal/order"
)

// ListShape says which of the list queries of a store a Query needs: a set of the constants.
type ListShape int

// What a list query may have to do beside reading on from a position.
const (
	Descending ListShape = 1 << iota
	WithDeleted
	ItemContains

	ListShapes // how many there are
)

// ListShapeOf is the shape of a query.
func ListShapeOf(query order.Query) (shape ListShape) {
	if query.Descending {
		shape |= Descending
	}
	if query.ShowDeleted {
		shape |= WithDeleted
	}
	if query.ItemContains != "" {
		shape |= ItemContains
	}
	return shape
}

// ListArgs are the parameters of the list queries: the tenant, the position after which to read, as a time and an id, the
// limit as it is given, and the text that an item contains if there is one.
func ListArgs(tenant string, query order.Query, limit int64) []any {
	after := order.Position{}
	micros := int64(math.MinInt64)
	if query.Descending {
		micros = math.MaxInt64
	}
	if query.After != nil {
		after, micros = *query.After, query.After.CreateTime.UnixMicro()
	}
	args := []any{tenant, micros, after.ID, limit}
	if query.ItemContains != "" {
		args = append(args, query.ItemContains)
	}
	return args
}

// ShortHash is what is stored of the hash of a key. Half of a SHA-256 still keeps keys apart: among 10^12 live ones, two are
// the same with a chance of 10^-15; who looks for a collision on purpose can only meet their own keys, since the caller is
// part of what is hashed.
func ShortHash(hash [32]byte) []byte { return hash[:16] }
