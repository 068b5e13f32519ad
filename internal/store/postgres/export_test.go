package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ordermanagement/internal/store/record"
)

// Statements lists all queries and writes.
func Statements() []string {
	list := []string{selectOutcome, upsertOutcomes, findOutcomes, deleteOutcomes}
	for _, shape := range record.Shapes() {
		r, w := newReads(shape), newWrites(shape)
		list = append(list, r.get, r.getAt, r.getMany, w.insert, w.create, w.update, w.versions)
		list = append(append(list, r.list[:]...), w.taken...)
	}
	return list
}

// Connection runs use on a connection of the store.
func (s *Store) Connection(ctx context.Context, use func(*pgx.Conn) error) error {
	return s.pool.use(ctx, use)
}

// Occupy calls run while every connection is in use.
func (s *Store) Occupy(ctx context.Context, run func()) error {
	return s.occupy(ctx, int(s.pool.Config().MaxConns), run)
}

func (s *Store) occupy(ctx context.Context, left int, run func()) error {
	if left == 0 {
		run()
		return nil
	}
	return s.pool.use(ctx, func(*pgx.Conn) error { return s.occupy(ctx, left-1, run) })
}

// Patience is how long a call waits for a connection.
const Patience = patience
