package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// How many connections read at once. Each sort of read has its own, so that it never waits for one that takes longer.
const (
	pointReaders = 4 // few resources by their key
	listReaders  = 4 // a page of a list
	// searchReaders read a page of a search, for which they may go through every order of a tenant. They are few, since each
	// keeps a processor busy.
	searchReaders = 2
)

// pool is a bounded number of read-only connections. database/sql has a pool as well, but one that knows nothing of
// prepared statements: it looks them up by connection for every query.
type pool struct {
	db   *sql.DB
	idle chan *conn // a nil one is still to be dialled
}

func newPool(path string, size int) *pool {
	p := &pool{db: open(path, "ro", pragmas, size), idle: make(chan *conn, size)}
	for range size {
		p.idle <- nil
	}
	return p
}

// use runs read on a connection of the pool. A connection on which something went wrong is not used again.
func (p *pool) use(ctx context.Context, read func(*conn) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *conn
	select {
	case c = <-p.idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	healthy := false
	defer func() {
		if c != nil && !healthy {
			c.drop()
			c = nil
		}
		p.idle <- c
	}()
	if c == nil {
		if c, err = dial(context.WithoutCancel(ctx), p.db); err != nil {
			return err
		}
	}
	err = read(c)
	healthy = err == nil
	return err
}

// close closes the connections; none is in use any more.
func (p *pool) close() error {
	var errs []error
	for range cap(p.idle) {
		if c := <-p.idle; c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(append(errs, p.db.Close())...)
}
