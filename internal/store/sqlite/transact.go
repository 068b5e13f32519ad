package sqlite

import (
	"errors"
	"fmt"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/record"
)

// maxSweep is how many outcomes one sweep removes: few enough that the writes behind it hardly wait.
const maxSweep = 500

type sweep struct {
	before  int64 // µs since the epoch
	removed int
}

// errRefused: a statement found no row to change; Diagnose says why.
var errRefused = errors.New("refused")

// conflicting says whether the error may be that of a change that conflicts with what is stored.
func conflicting(err error) bool {
	return errors.Is(err, errRefused) || code(err) == sqlite3.SQLITE_CONSTRAINT
}

// Transact makes all the changes of the group, or none. When it returns nil, they are on disk.
func (w *writer) Transact(requests []*group.Request) (err error) {
	defer group.Contain(&err, w.drop)
	if len(requests) == 0 {
		return nil
	}
	w.cache.hold(requests)
	defer w.cache.release()
	c, err := w.connection()
	if err != nil {
		return fmt.Errorf("%w: %w", group.ErrBegin, err)
	}
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		w.drop()
		return fmt.Errorf("%w: %w", group.ErrBegin, err)
	}
	err = w.change(c, requests)
	if err == nil {
		_, err = c.exec("COMMIT")
	}
	if err == nil {
		return nil
	}
	// Some errors have rolled back already. After one that is no conflict, the connection is not to be trusted.
	if _, failed := c.exec("ROLLBACK"); failed != nil || !conflicting(err) {
		w.drop()
	}
	return err
}

func (w *writer) change(c *conn, requests []*group.Request) error {
	for _, r := range requests {
		if sweep, ok := r.Else.(*sweep); ok {
			removed, err := c.exec(deleteOutcomes, sweep.before, maxSweep)
			if err != nil {
				return err
			}
			sweep.removed = int(removed)
			continue
		}
		if err := w.store(c, r.Write); err != nil {
			return err
		}
	}
	return nil
}

// store makes one change within the transaction. Its statements are prepared, and with that one for each row is as fast as
// one for many.
func (w *writer) store(c *conn, write *record.Write) error {
	for i := range write.Records {
		rec := &write.Records[i]
		kind := w.kind(rec)
		w.args = w.args[:0]
		if rec.Version == 1 {
			w.args = append(w.args, write.Tenant, rec.ID, rec.Version, rec.CreateTime.UnixMicro(), micros(rec.DeleteTime))
			w.args = append(appendUnique(w.args, rec), rec.Body)
			if _, err := c.exec(kind.insert, w.args...); err != nil {
				return err
			}
			continue
		}
		kept, err := c.exec(kind.keep, write.Tenant, rec.ID, rec.Version-1)
		if err := one(kept, err); err != nil {
			return err
		}
		w.args = append(w.args, rec.Version, micros(rec.DeleteTime))
		w.args = append(appendUnique(w.args, rec), rec.Body, write.Tenant, rec.ID)
		updated, err := c.exec(kind.update, w.args...)
		if err := one(updated, err); err != nil {
			return err
		}
	}
	key := write.Key
	if key == nil {
		return nil
	}
	return one(c.exec(upsertOutcome, write.Tenant, record.ShortHash(key.Hash), key.Fingerprint[:], write.Made,
		key.Time.UnixMicro(), key.NotSince.UnixMicro()))
}

// one makes sure that a statement has changed its one row.
func one(changed int64, err error) error {
	if err == nil && changed != 1 {
		return errRefused
	}
	return err
}

func appendUnique(args []any, rec *record.Record) []any {
	for _, value := range rec.Unique {
		if value == "" {
			args = append(args, nil)
		} else {
			args = append(args, value)
		}
	}
	return args
}

// micros is a time as tables keep it: NULL when there is none.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}
