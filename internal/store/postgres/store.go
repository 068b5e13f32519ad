// Package postgres is the Store for more than one machine: any number of processes over one PostgreSQL database, or over a
// cluster of which one host at a time takes writes.
//
// Writes that wait share a transaction, which takes one round trip: its statements take any number of rows, check on the
// server that each has met what it should, and are sent together. What a group conflicts with is found out afterwards. No
// process keeps anything that another one could change.
package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/lifetime"
	"ordermanagement/internal/store/record"
)

// maxSweep is how many outcomes one sweep removes.
const maxSweep = 500

type commandTag = pgconn.CommandTag

// Store is an order.Store over one PostgreSQL database.
type Store struct {
	orders    *reader[order.Order]
	products  *reader[order.Product]
	shipments *reader[order.Shipment]

	pool   *pool
	writer *writer
	engine *group.Engine
	life   lifetime.Lifetime
}

var _ order.Store = (*Store)(nil)

// Open connects to the database. It fails when the database can't be reached or used, when what it commits is not durable,
// and when its schema is one that this program can't use: Open doesn't migrate.
func Open(ctx context.Context, options Options) (*Store, error) {
	options.complete()
	pool, err := newPool(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := examine(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	s := &Store{pool: pool, writer: &writer{pool: pool}}
	shapes := record.Shapes()
	for _, shape := range shapes {
		s.writer.kinds = append(s.writer.kinds, newWrites(shape))
	}
	s.orders = newReader[order.Order](s, shapes[0])
	s.products = newReader[order.Product](s, shapes[1])
	s.shipments = newReader[order.Shipment](s, shapes[2])
	s.engine = group.New(group.Limits{
		Waiting: waitingPerConnection * options.Connections, Patience: patience, Contention: 2 * options.Timeout,
	})
	for range max(1, options.Connections/writersShare) {
		s.engine.Start(s.writer)
	}
	return s, nil
}

// Orders reads orders.
func (s *Store) Orders() order.Reader[order.Order] { return s.orders }

// Products reads products.
func (s *Store) Products() order.Reader[order.Product] { return s.products }

// Shipments reads shipments.
func (s *Store) Shipments() order.Reader[order.Shipment] { return s.shipments }

// Apply makes a change. When the context ends while the change waits for its turn, it is not made; when it ends later,
// whether it was made is not known. A change with a key is tried again when the connection is lost; one without is not,
// since it may have been made.
func (s *Store) Apply(ctx context.Context, change *order.Change) error {
	if !s.life.Enter() {
		return errClosed
	}
	defer s.life.Leave()
	write, err := record.New(change)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if err := ctx.Err(); err != nil || len(write.Records) == 0 && write.Key == nil {
		return err
	}
	return s.engine.Do(ctx, group.NewRequest(write))
}

// Sweep removes at most maxSweep outcomes, the oldest first. Those that another process sweeps at the same time are left to it.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	if !s.life.Enter() {
		return 0, errClosed
	}
	defer s.life.Leave()
	return s.writer.sweep(ctx, before)
}

// Outcome finds what an earlier write under the key has changed.
func (s *Store) Outcome(ctx context.Context, tenant string, key [32]byte, since time.Time) (order.Outcome, error) {
	return point(ctx, s, selectOutcome, []any{tenant, record.ShortHash(key), since.UnixMicro()}, func(rows pgx.Rows) (order.Outcome, error) {
		if !rows.Next() {
			return order.Outcome{}, order.ErrNotFound
		}
		var outcome order.Outcome
		var fingerprint []byte
		var made string
		if err := rows.Scan(&fingerprint, &made); err != nil {
			return order.Outcome{}, err
		}
		copy(outcome.Fingerprint[:], fingerprint)
		refs, err := record.DecodeMade([]byte(made))
		outcome.Made = refs
		return outcome, err
	})
}

// Secret is the value of that name that all processes of the database share: the fresh one, unless there is one already.
// What a caller gets from one replica and hands to another, such as page tokens, is sealed with such a secret; keeping it
// here spares operators a file on every machine. Who reads the database reads all orders anyway.
func (s *Store) Secret(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	if !s.life.Enter() {
		return nil, errClosed
	}
	defer s.life.Leave()
	var secret []byte
	err := s.pool.send(ctx, func(b *pgx.Batch) {
		b.Queue(insertSecret, name, fresh)
		b.Queue(selectSecret, name).QueryRow(func(row pgx.Row) error { return row.Scan(&secret) })
	})
	return secret, ended(ctx, err)
}

// Ping reads from the database.
func (s *Store) Ping(ctx context.Context) error {
	_, err := point(ctx, s, selectOne, nil, func(rows pgx.Rows) (struct{}, error) {
		rows.Next()
		return struct{}{}, nil
	})
	return err
}

// Close waits for the calls that run and closes the connections. Closing again does nothing.
func (s *Store) Close() error {
	return s.life.Close(func() error {
		s.engine.Close()
		s.pool.Close()
		return nil
	})
}
