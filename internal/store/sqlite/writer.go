package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"ordermanagement/internal/store/record"
)

// writer owns the one connection that writes, and the goroutine that uses it.
type writer struct {
	path    string
	db      *sql.DB
	conn    *conn // nil until it is needed, and again after something went wrong on it
	kinds   []*writes
	cache   *cache        // of the readers
	queue   chan *request // has no buffer: who waits in it can still leave
	stopped chan struct{} // nil until start

	later    []*request // taken from the queue, but not for the group at hand
	claimed  map[resource]bool
	args     []any // of a statement, reused
	walLimit int64 // size of the log at which it is cut next
}

func newWriter(f *files, cache *cache) *writer {
	w := &writer{
		path:     f.path,
		db:       open(f.path, "rw", writerPragmas, 1),
		cache:    cache,
		queue:    make(chan *request),
		claimed:  map[resource]bool{},
		walLimit: maxWAL,
	}
	for _, shape := range record.Shapes() {
		w.kinds = append(w.kinds, newWrites(shape))
	}
	return w
}

func (w *writer) start() {
	w.stopped = make(chan struct{})
	go func() {
		defer close(w.stopped)
		for group := w.gather(); group != nil; group = w.gather() {
			w.run(group)
			w.cutLog()
		}
	}()
}

// close waits for the goroutine; nobody may be in do any more.
func (w *writer) close() error {
	close(w.queue)
	if w.stopped != nil {
		<-w.stopped
	}
	var err error
	if w.conn != nil {
		err = w.conn.close()
	}
	return errors.Join(err, w.db.Close())
}

// run makes the changes of a group and answers each. The group is tried whole. When that fails, those that conflict with
// what is stored are answered and the rest is tried again; when there is none of those, each gets a transaction of its own.
func (w *writer) run(group []*request) {
	for len(group) > 0 {
		group = waiting(group)
		err := w.transact(group)
		if err == nil || errors.Is(err, errBegin) || len(group) == 1 && !conflicting(err) {
			for _, r := range group {
				r.answer(fault(err))
			}
			return
		}
		if !conflicting(err) {
			break
		}
		rest := w.sortOut(group)
		if len(rest) == len(group) {
			break
		}
		group = rest
	}
	for _, r := range waiting(group) {
		err := w.transact([]*request{r})
		if conflicting(err) {
			if conflict := w.diagnose(r.write); conflict != nil {
				err = conflict
			}
		}
		r.answer(fault(err))
	}
}

// waiting answers those whose context has ended, and lists the others.
func waiting(group []*request) []*request {
	var rest []*request
	for _, r := range group {
		if err := r.ctx.Err(); err != nil {
			r.answer(err)
		} else {
			rest = append(rest, r)
		}
	}
	return rest
}

// sortOut answers the requests that conflict with what is stored, and lists the others.
func (w *writer) sortOut(group []*request) []*request {
	var rest []*request
	for _, r := range group {
		if err := w.diagnose(r.write); err != nil {
			r.answer(fault(err))
		} else {
			rest = append(rest, r)
		}
	}
	return rest
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

// contain turns a panic into the error of the one call that it happened in.
func (w *writer) contain(err *error) {
	if p := recover(); p != nil {
		w.drop()
		*err = fmt.Errorf("panic in the writer: %v\n%s", p, debug.Stack())
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
