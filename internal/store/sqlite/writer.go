package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"

	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/record"
)

// writer owns the one connection that writes. It is the only group.Transactor of its engine.
type writer struct {
	path   string
	db     *sql.DB
	conn   *conn // nil until it is needed, and again after something went wrong on it
	kinds  []*writes
	cache  *cache // of the readers
	engine *group.Engine

	args     []any // of a statement, reused
	walLimit int64 // size of the log at which it is cut next
}

func newWriter(f *files, cache *cache) *writer {
	w := &writer{
		path:     f.path,
		db:       open(f.path, "rw", writerPragmas, 1),
		cache:    cache,
		engine:   group.New(group.Limits{}),
		walLimit: maxWAL,
	}
	for _, shape := range record.Shapes() {
		w.kinds = append(w.kinds, newWrites(shape))
	}
	return w
}

func (w *writer) start() { w.engine.Start(w) }

// Rest implements group.Transactor.
func (w *writer) Rest() { w.cutLog() }

// Conflicting implements group.Transactor.
func (w *writer) Conflicting(err error) bool { return conflicting(err) }

// Fault implements group.Transactor.
func (w *writer) Fault(err error) error { return fault(err) }

// close waits for the engine; nobody may be in its Do any more.
func (w *writer) close() error {
	w.engine.Close()
	var err error
	if w.conn != nil {
		err = w.conn.close()
	}
	return errors.Join(err, w.db.Close())
}

// kind has the statements for the resource.
func (w *writer) kind(rec *record.Record) *writes {
	for _, kind := range w.kinds {
		if kind.shape.Kind == rec.Kind {
			return kind
		}
	}
	panic("no table for " + string(rec.Kind))
}

// connection is the one to write on.
func (w *writer) connection() (*conn, error) {
	if w.conn == nil {
		c, err := dial(context.Background(), w.db)
		if err != nil {
			return nil, err
		}
		w.conn = c
	}
	return w.conn, nil
}

// drop gives the connection up, whatever state it is in; the next transaction begins with a new one.
func (w *writer) drop() {
	if w.conn != nil {
		w.conn.drop()
		w.conn = nil
	}
}

const (
	// maxWAL is the size of the write-ahead log, in bytes, from which on it is cut by force. Commits reuse it from the
	// beginning whenever no reader needs it, which may never happen while many read.
	maxWAL = 32 << 20
	// How long writes wait, in ms, for the readers that the log is cut from.
	cutTimeout = "100"
)

// cutLog keeps the log from growing for as long as there are readers. It may fail: then it is tried again when the log has
// grown further.
func (w *writer) cutLog() {
	info, err := os.Stat(w.path + "-wal")
	if err != nil || w.conn == nil {
		return
	}
	if info.Size() < maxWAL {
		w.walLimit = maxWAL
	}
	if info.Size() < w.walLimit {
		return
	}
	w.walLimit = info.Size() + maxWAL/4
	for _, text := range []string{
		"PRAGMA busy_timeout = " + cutTimeout, "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA busy_timeout = " + busyTimeout,
	} {
		if _, err := w.conn.exec(text); err != nil {
			w.drop() // the next connection has its own timeout
			return
		}
	}
}
