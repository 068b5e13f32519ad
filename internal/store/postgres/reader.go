package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/record"
)

// reader reads the resources of one kind.
type reader[T any] struct {
	store *Store
	reads reads
}

func newReader[T any](s *Store, shape record.Shape) *reader[T] {
	return &reader[T]{store: s, reads: newReads(shape)}
}

func (r *reader[T]) Get(ctx context.Context, tenant, id string) (*T, error) {
	return r.one(ctx, r.reads.get, tenant, id)
}

// View reads what Get does. Nothing is kept between reads: other replicas write as well.
func (r *reader[T]) View(ctx context.Context, tenant, id string) (*T, error) {
	return r.Get(ctx, tenant, id)
}

func (r *reader[T]) GetAt(ctx context.Context, tenant, id string, version int64) (*T, error) {
	return r.one(ctx, r.reads.getAt, tenant, id, version)
}

func (r *reader[T]) one(ctx context.Context, text string, args ...any) (*T, error) {
	found, err := point(ctx, r.store, text, args, func(rows pgx.Rows) (found *T, err error) {
		for rows.Next() {
			if found, err = record.Decode[T](rows.RawValues()[0]); err != nil {
				return nil, err
			}
		}
		return found, nil
	})
	if err == nil && found == nil {
		err = order.ErrNotFound
	}
	return found, err
}

func (r *reader[T]) GetMany(ctx context.Context, tenant string, ids []string) (map[string]*T, error) {
	return point(ctx, r.store, r.reads.getMany, []any{tenant, ids}, func(rows pgx.Rows) (map[string]*T, error) {
		found := make(map[string]*T, len(ids))
		for rows.Next() {
			values := rows.RawValues()
			document, err := record.Decode[T](values[1])
			if err != nil {
				return nil, err
			}
			found[string(values[0])] = document
		}
		return found, nil
	})
}

func (r *reader[T]) List(ctx context.Context, tenant string, query order.Query) (order.Page[T], error) {
	if query.Limit < 1 {
		return order.Page[T]{}, fmt.Errorf("postgres: a page of %d", query.Limit)
	}
	s := r.store
	if !s.life.Enter() {
		return order.Page[T]{}, errClosed
	}
	defer s.life.Leave()
	place := s.pool.lists
	if query.ItemContains != "" {
		place = s.pool.searches
	}
	args := record.ListArgs(tenant, query, int64(query.Limit))
	return read(ctx, s.pool, place, r.reads.list[record.ListShapeOf(query)], args, func(rows pgx.Rows) (page order.Page[T], err error) {
		for rows.Next() {
			body := rows.RawValues()[0]
			if body == nil { // there is no room for it
				page.More = true
				continue
			}
			document, err := record.Decode[T](body)
			if err != nil {
				return order.Page[T]{}, err
			}
			page.Items = append(page.Items, document)
		}
		return page, nil
	})
}

// point runs a query that reads few rows by their key.
func point[T any](ctx context.Context, s *Store, text string, args []any, collect func(pgx.Rows) (T, error)) (T, error) {
	if !s.life.Enter() {
		var none T
		return none, errClosed
	}
	defer s.life.Leave()
	return read(ctx, s.pool, nil, text, args, collect)
}
