// Package sqlite is the embedded Store: one SQLite database file that one process at a time writes.
//
// One goroutine writes, over a connection of its own. It takes every change that waits and commits them as one
// transaction, so that they share the sync of the disk. Reads run beside it, each on the newest commit, over pools of
// read-only connections.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gofrs/flock"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/lifetime"
	"ordermanagement/internal/store/record"
)

// Options say which database to open.
type Options struct {
	// Path is the database file. SQLite keeps files beside it ("-wal", "-shm"), and so does the lock (".lock").
	Path string
}

// Store is an order.Store over one SQLite database.
type Store struct {
	orders    *reader[order.Order]
	products  *reader[order.Product]
	shipments *reader[order.Shipment]

	lock                    *flock.Flock
	writer                  *writer
	cache                   *cache
	points, lists, searches *pool

	life lifetime.Lifetime
}

var _ order.Store = (*Store)(nil)

var errClosed = fmt.Errorf("%w: the store is closed", order.ErrUnavailable)

// Open opens the database, creates it when there is none, and migrates it when its schema is older than the program. It
// fails when another process has it open, when its schema is newer than the program, and when the file is not a database.
// Whatever Open has begun is undone when it fails.
func Open(ctx context.Context, options Options) (_ *Store, err error) {
	f, err := prepare(options.Path)
	if err != nil {
		return nil, err
	}
	s := &Store{lock: f.lock, cache: newCache()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	s.writer = newWriter(f, s.cache)
	if err := migrate(ctx, f.path, s.writer.db); err != nil {
		return nil, err
	}
	if err := f.sync(); err != nil {
		return nil, err
	}
	s.points = newPool(f.path, pointReaders)
	s.lists = newPool(f.path, listReaders)
	s.searches = newPool(f.path, searchReaders)
	shapes := record.Shapes()
	s.orders = newReader(s, shapes[0], (*order.Order).Clone)
	s.products = newReader(s, shapes[1], (*order.Product).Clone)
	s.shipments = newReader(s, shapes[2], (*order.Shipment).Clone)
	s.writer.start()
	return s, nil
}

// Orders reads orders.
func (s *Store) Orders() order.Reader[order.Order] { return s.orders }

// Products reads products.
func (s *Store) Products() order.Reader[order.Product] { return s.products }

// Shipments reads shipments.
func (s *Store) Shipments() order.Reader[order.Shipment] { return s.shipments }

// Apply makes a change. When the context ends while the change waits for its turn, it is not made; when it ends later,
// whether it was made is not known.
func (s *Store) Apply(ctx context.Context, change *order.Change) error {
	if !s.life.Enter() {
		return errClosed
	}
	defer s.life.Leave()
	write, err := record.New(change)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if len(write.Records) == 0 && write.Key == nil {
		return ctx.Err()
	}
	return s.writer.engine.Do(ctx, group.NewRequest(write))
}

// Sweep removes at most maxSweep outcomes, the oldest first.
func (s *Store) Sweep(ctx context.Context, before time.Time) (int, error) {
	if !s.life.Enter() {
		return 0, errClosed
	}
	defer s.life.Leave()
	sweep := &sweep{before: before.UnixMicro()}
	if err := s.writer.engine.Do(ctx, &group.Request{Else: sweep}); err != nil {
		return 0, err
	}
	return sweep.removed, nil
}

// Outcome finds what an earlier write under the key has changed.
func (s *Store) Outcome(ctx context.Context, tenant string, key [32]byte, since time.Time) (order.Outcome, error) {
	var fingerprint, made []byte
	err := s.point(ctx, selectOutcome, []any{tenant, record.ShortHash(key), since.UnixMicro()}, func(rows *sql.Rows) error {
		return rows.Scan(&fingerprint, &made)
	})
	if err != nil {
		return order.Outcome{}, err
	}
	if fingerprint == nil {
		return order.Outcome{}, order.ErrNotFound
	}
	outcome := order.Outcome{}
	copy(outcome.Fingerprint[:], fingerprint)
	if outcome.Made, err = record.DecodeMade(made); err != nil {
		return order.Outcome{}, fmt.Errorf("sqlite: %w", err)
	}
	return outcome, nil
}

// Ping reads from the database file.
func (s *Store) Ping(ctx context.Context) error {
	return s.point(ctx, selectSchema, nil, func(*sql.Rows) error { return nil })
}

// Close waits for the calls that run, writes everything back into the database file and frees the lock. Closing again does
// nothing.
func (s *Store) Close() error {
	return s.life.Close(s.release)
}

// release frees what is there, the writer last: closing the last connection checkpoints.
func (s *Store) release() error {
	var errs []error
	for _, p := range []*pool{s.points, s.lists, s.searches} {
		if p != nil {
			errs = append(errs, p.close())
		}
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return fault(errors.Join(append(errs, s.lock.Unlock())...))
}
