package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ordermanagement/internal/store/group"
)

const (
	// maxTransactions bounds the tries of a transaction that the server has rolled back for no fault of its own.
	maxTransactions = 5
	// retryPause is the time before the first try again; it doubles, and is random to one half.
	retryPause = 4 * time.Millisecond
)

// writer makes groups of changes, each in one round trip.
type writer struct {
	pool  *pool
	kinds []*writes
}

// Transact makes all the changes of the group, or none. When it returns nil, they are committed.
func (w *writer) Transact(requests []*group.Request) (err error) {
	defer group.Contain(&err, func() {})
	if len(requests) == 0 {
		return nil
	}
	t := newTransaction(w.kinds, requests)
	pause := retryPause
	for range maxTransactions {
		// The context of one of the callers, for traces; its end is not that of the others.
		err = w.pool.send(context.WithoutCancel(requests[0].Context()), t.queue)
		if !repeatable(err) {
			break
		}
		time.Sleep(pause/2 + rand.N(pause/2))
		pause *= 2
	}
	switch {
	case errors.Is(err, errBusy), errors.Is(err, errDial), repeatable(err), answered(err) && unavailable(err):
		return fmt.Errorf("%w: %w", group.ErrBegin, err)
	case errors.Is(err, errLost) && pgconn.Timeout(err): // it would only take as long again
		return fmt.Errorf("%w: %w", group.ErrUnknown, err)
	case errors.Is(err, errLost):
		return fmt.Errorf("%w: %w: %w", group.ErrUnknown, group.ErrRepeat, err)
	}
	return err
}

// Conflicting implements group.Transactor.
func (w *writer) Conflicting(err error) bool { return conflicting(err) }

// Fault implements group.Transactor.
func (w *writer) Fault(err error) error { return fault(err) }

// Rest implements group.Transactor.
func (w *writer) Rest() {}

// sweep removes outcomes.
func (w *writer) sweep(ctx context.Context, before time.Time) (removed int, err error) {
	err = w.pool.send(ctx, func(b *pgx.Batch) {
		b.Queue(deleteOutcomes, before.UnixMicro(), maxSweep).Exec(func(tag commandTag) error {
			removed = int(tag.RowsAffected())
			return nil
		})
	})
	return removed, ended(ctx, err)
}
