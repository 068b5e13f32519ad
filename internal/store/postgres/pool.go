package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// patience is how long a call waits for a connection, or a write for its turn.
	patience = time.Second
	// waitingPerConnection bounds the calls that wait: more are answered at once.
	waitingPerConnection = 100
)

// Shares of the connections. Each sort of call has its own bound, so that it never waits for one that takes longer; what
// is left is for reads of few resources by their key.
const (
	writersShare   = 3 // one in so many connections, at least one
	listsShare     = 5
	searchesShare  = 10
	generationName = "ordermanagement.generation"
)

// pool is a bounded number of connections.
type pool struct {
	*pgxpool.Pool
	timeout    time.Duration // of a statement
	pooler     bool
	waiting    chan struct{} // has a place for each read that runs or waits
	lists      chan struct{} // have a place for each that runs
	searches   chan struct{}
	generation *atomic.Int64 // of connections: one more when those before are not to be used any more
}

func newPool(ctx context.Context, o Options) (*pool, error) {
	config, err := o.pool()
	if err != nil {
		return nil, err
	}
	share := func(n int) chan struct{} { return make(chan struct{}, max(1, o.Connections/n)) }
	p := &pool{
		timeout: o.Timeout, pooler: o.TransactionPooler, generation: new(atomic.Int64),
		waiting: make(chan struct{}, waitingPerConnection*o.Connections), lists: share(listsShare), searches: share(searchesShare),
	}
	config.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		c.PgConn().CustomData()[generationName] = p.generation.Load()
		return nil
	}
	// It dials nothing yet.
	p.Pool, err = pgxpool.NewWithConfig(ctx, config)
	return p, err
}

// use runs what uses a connection. When the connection is lost on the way, the error is errLost.
func (p *pool) use(ctx context.Context, run func(*pgx.Conn) error) error {
	c, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release() // closes it when it is in the middle of something
	err = run(c.Conn())
	if err != nil && !answered(err) && c.Conn().IsClosed() {
		err = fmt.Errorf("%w: %w", errLost, err)
	}
	if spoiled(err) {
		p.renew(c.Conn())
	}
	return err
}

func (p *pool) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := p.Acquire(waiting)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case waiting.Err() != nil:
		return nil, errBusy
	default:
		return nil, fmt.Errorf("%w: %w", errDial, err)
	}
}

// renew closes all connections that are as old as this one, now or when they come back. After a failover they all lead to
// a server that has gone, or that is no primary any more.
func (p *pool) renew(c *pgx.Conn) {
	if made, _ := c.PgConn().CustomData()[generationName].(int64); p.generation.CompareAndSwap(made, made+1) {
		p.Reset()
	}
}

// send runs the statements that queue adds as one transaction, in one round trip: statements that are sent together, up to
// the one Sync after them, are a transaction (PostgreSQL, "Extended Query"). The server ends what takes too long; should it
// not even do that, the connection is given up.
func (p *pool) send(ctx context.Context, queue func(*pgx.Batch)) error {
	return p.use(ctx, func(c *pgx.Conn) error {
		ctx, cancel := context.WithTimeout(ctx, p.timeout+answerGrace)
		defer cancel()
		return c.SendBatch(ctx, p.batch(queue)).Close()
	})
}

func (p *pool) batch(queue func(*pgx.Batch)) *pgx.Batch {
	batch := &pgx.Batch{}
	if p.pooler {
		batch.Queue(setTimeout, fmt.Sprint(p.timeout.Milliseconds()))
	}
	queue(batch)
	return batch
}

// read runs a query and collects its rows, once more on another connection when the first one is lost. The place is one of
// those that bound the sort of query; nil when nothing does.
func read[T any](ctx context.Context, p *pool, place chan struct{}, text string, args []any, collect func(pgx.Rows) (T, error)) (result T, err error) {
	if err := ctx.Err(); err != nil {
		return result, err
	}
	select {
	case p.waiting <- struct{}{}:
		defer func() { <-p.waiting }()
	default:
		return result, errBusy
	}
	if place != nil {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case place <- struct{}{}:
			defer func() { <-place }()
		case <-timer.C:
			return result, errBusy
		case <-ctx.Done():
			return result, ctx.Err()
		}
	}
	for range 2 {
		err = p.use(ctx, func(c *pgx.Conn) (err error) {
			ctx, cancel := p.bound(ctx, place == nil)
			defer cancel()
			result, err = query(ctx, p, c, text, args, collect)
			return err
		})
		again := repeatable(err) || spoiled(err) && !pgconn.Timeout(err) && !errors.Is(err, context.Canceled)
		if !again || ctx.Err() != nil {
			break
		}
	}
	return result, ended(ctx, err)
}

// bound is the context of one query. One that ends soon by itself isn't canceled, which would cost the connection, whenever
// a caller goes away; its deadline counts.
func (p *pool) bound(ctx context.Context, short bool) (context.Context, context.CancelFunc) {
	end := time.Now().Add(p.timeout + answerGrace)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(end) {
		end = deadline
	}
	if short {
		ctx = context.WithoutCancel(ctx)
	}
	return context.WithDeadline(ctx, end)
}

func query[T any](ctx context.Context, p *pool, c *pgx.Conn, text string, args []any, collect func(pgx.Rows) (T, error)) (result T, err error) {
	if !p.pooler {
		rows, err := c.Query(ctx, text, args...)
		if err != nil {
			return result, err
		}
		return finish(rows, collect)
	}
	results := c.SendBatch(ctx, p.batch(func(b *pgx.Batch) { b.Queue(text, args...) }))
	defer func() { err = errors.Join(err, results.Close()) }()
	if _, err := results.Exec(); err != nil { // the timeout
		return result, err
	}
	rows, err := results.Query()
	if err != nil {
		return result, err
	}
	return finish(rows, collect)
}

func finish[T any](rows pgx.Rows, collect func(pgx.Rows) (T, error)) (T, error) {
	result, err := collect(rows)
	rows.Close()
	if rows.Err() != nil {
		err = rows.Err()
	}
	return result, err
}
