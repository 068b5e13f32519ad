package traced

import (
	"context"

	"ordermanagement/internal/order"
)

// reader makes a span of each read of one kind of resource.
type reader[T any] struct {
	next                            order.Reader[T]
	tracer                          tracer
	get, view, getAt, getMany, list string // the names of the spans
}

func newReader[T any](next order.Reader[T], t tracer, kind string) *reader[T] {
	prefix := "store." + kind + "."
	return &reader[T]{next, t, prefix + "get", prefix + "view", prefix + "get_at", prefix + "get_many", prefix + "list"}
}

func (r *reader[T]) Get(ctx context.Context, tenant, id string) (*T, error) {
	ctx, span := r.tracer.start(ctx, r.get)
	found, err := r.next.Get(ctx, tenant, id)
	end(span, err)
	return found, err
}

func (r *reader[T]) View(ctx context.Context, tenant, id string) (*T, error) {
	ctx, span := r.tracer.start(ctx, r.view)
	found, err := r.next.View(ctx, tenant, id)
	end(span, err)
	return found, err
}

func (r *reader[T]) GetAt(ctx context.Context, tenant, id string, version int64) (*T, error) {
	ctx, span := r.tracer.start(ctx, r.getAt)
	found, err := r.next.GetAt(ctx, tenant, id, version)
	end(span, err)
	return found, err
}

func (r *reader[T]) GetMany(ctx context.Context, tenant string, ids []string) (map[string]*T, error) {
	ctx, span := r.tracer.start(ctx, r.getMany)
	found, err := r.next.GetMany(ctx, tenant, ids)
	end(span, err)
	return found, err
}

func (r *reader[T]) List(ctx context.Context, tenant string, query order.Query) (order.Page[T], error) {
	ctx, span := r.tracer.start(ctx, r.list)
	page, err := r.next.List(ctx, tenant, query)
	end(span, err)
	return page, err
}
