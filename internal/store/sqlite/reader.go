package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/record"
)

// reader reads the resources of one kind.
type reader[T any] struct {
	store *Store
	kind  order.Kind
	reads reads
	clone func(*T) *T
}

func newReader[T any](s *Store, shape record.Shape, clone func(*T) *T) *reader[T] {
	return &reader[T]{store: s, kind: shape.Kind, reads: newReads(shape), clone: clone}
}

func (r *reader[T]) Get(ctx context.Context, tenant, id string) (*T, error) {
	shared, err := r.View(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return r.clone(shared), nil
}

func (r *reader[T]) View(ctx context.Context, tenant, id string) (*T, error) {
	if r.store.life.Closed() {
		return nil, errClosed
	}
	name := group.Resource{Kind: r.kind, Tenant: tenant, ID: id}
	document, commits := r.store.cache.get(name)
	if document != nil {
		return document.(*T), ctx.Err()
	}
	found, size, err := r.one(ctx, r.reads.get, tenant, id)
	if err != nil {
		return nil, err
	}
	r.store.cache.put(name, found, size, commits)
	return found, nil
}

func (r *reader[T]) GetAt(ctx context.Context, tenant, id string, version int64) (*T, error) {
	found, _, err := r.one(ctx, r.reads.getAt, tenant, id, version)
	return found, err
}

// one reads one document, and says how large it is in JSON.
func (r *reader[T]) one(ctx context.Context, text string, args ...any) (*T, int, error) {
	var body []byte
	err := r.store.point(ctx, text, args, func(rows *sql.Rows) error { return rows.Scan(&body) })
	if err != nil {
		return nil, 0, err
	}
	if body == nil {
		return nil, 0, order.ErrNotFound
	}
	document, err := record.Decode[T](body)
	return document, len(body), fault(err)
}

func (r *reader[T]) GetMany(ctx context.Context, tenant string, ids []string) (map[string]*T, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fault(err)
	}
	found := make(map[string]*T, len(ids))
	err = r.store.point(ctx, r.reads.getMany, []any{tenant, string(list)}, func(rows *sql.Rows) error {
		var id string
		var body sql.RawBytes
		if err := rows.Scan(&id, &body); err != nil {
			return err
		}
		found[id], err = record.Decode[T](body)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (r *reader[T]) List(ctx context.Context, tenant string, query order.Query) (order.Page[T], error) {
	if query.Limit < 1 {
		return order.Page[T]{}, fmt.Errorf("sqlite: a page of %d", query.Limit)
	}
	if !r.store.life.Enter() {
		return order.Page[T]{}, errClosed
	}
	defer r.store.life.Leave()
	pool := r.store.lists
	if query.ItemContains != "" {
		pool = r.store.searches
	}
	var page order.Page[T]
	size := 0
	err := pool.use(ctx, func(c *conn) error {
		// One row more than the page may have tells whether there are more.
		return c.query(ctx, r.reads.list[record.ListShapeOf(query)], record.ListArgs(tenant, query, int64(query.Limit)+1), func(rows *sql.Rows) error {
			var body sql.RawBytes
			if err := rows.Scan(&body); err != nil {
				return err
			}
			size += len(body)
			if n := len(page.Items); n == query.Limit || n > 0 && size > order.MaxPageBytes {
				page.More = true
				return errStop
			}
			document, err := record.Decode[T](body)
			page.Items = append(page.Items, document)
			return err
		})
	})
	if err != nil {
		return order.Page[T]{}, ended(ctx, err)
	}
	return page, nil
}

// point runs a query that reads few rows by their key. It ends soon by itself, so the context counts only until it begins:
// having it watched costs more than the read.
func (s *Store) point(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) error {
	if !s.life.Enter() {
		return errClosed
	}
	defer s.life.Leave()
	return fault(s.points.use(ctx, func(c *conn) error {
		return c.query(context.Background(), text, args, scan)
	}))
}

// ended prefers the error of the context: what the driver says of a query that was interrupted depends on when it was.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault(err)
}
