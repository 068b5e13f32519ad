package sqlite

import (
	"context"
	"database/sql"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/record"
)

// Diagnose looks for what each change conflicts with.
func (w *writer) Diagnose(requests []*group.Request) []error {
	conflicts := make([]error, len(requests))
	for i, r := range requests {
		conflicts[i] = w.diagnose(r.Write)
	}
	return conflicts
}

// diagnose looks for what a change conflicts with, in the order that order.Conflict gives; nil when there is nothing.
func (w *writer) diagnose(write *record.Write) (err error) {
	defer group.Contain(&err, w.drop)
	if write == nil {
		return nil
	}
	c, err := w.connection()
	if err != nil {
		return err
	}
	if key := write.Key; key != nil {
		found, err := c.finds(selectOutcome, write.Tenant, record.ShortHash(key.Hash), key.NotSince.UnixMicro())
		if err != nil {
			return err
		}
		if found {
			return &order.ConflictError{Conflict: order.ConflictKey}
		}
	}
	for _, check := range []func(*conn, string, *record.Record) (order.Conflict, error){w.exists, w.stale} {
		for i := range write.Records {
			rec := &write.Records[i]
			conflict, err := check(c, write.Tenant, rec)
			if err != nil {
				return err
			}
			if conflict != "" {
				return &order.ConflictError{Conflict: conflict, Kind: rec.Kind, ID: rec.ID}
			}
		}
	}
	return w.taken(c, write)
}

func (w *writer) exists(c *conn, tenant string, rec *record.Record) (order.Conflict, error) {
	if rec.Version != 1 {
		return "", nil
	}
	found, err := c.finds(w.kind(rec).version, tenant, rec.ID)
	if !found {
		return "", err
	}
	return order.ConflictExists, err
}

func (w *writer) stale(c *conn, tenant string, rec *record.Record) (order.Conflict, error) {
	if rec.Version == 1 {
		return "", nil
	}
	var version int64
	err := c.query(context.Background(), w.kind(rec).version, []any{tenant, rec.ID}, func(rows *sql.Rows) error {
		return rows.Scan(&version)
	})
	if version == rec.Version-1 {
		return "", err
	}
	return order.ConflictStale, err
}

// taken looks for another resource, stored or in the change itself, with the same value of a unique field.
func (w *writer) taken(c *conn, write *record.Write) error {
	type value struct {
		kind         order.Kind
		field, value string
	}
	seen := map[value]bool{}
	for i := range write.Records {
		rec := &write.Records[i]
		for j, text := range rec.Unique {
			if text == "" {
				continue
			}
			kind := w.kind(rec)
			field := kind.shape.Unique[j]
			found, err := c.finds(kind.taken[j], write.Tenant, text, rec.ID)
			if err != nil {
				return err
			}
			v := value{rec.Kind, field, text}
			if found || seen[v] {
				return &order.ConflictError{Conflict: order.ConflictUnique, Kind: rec.Kind, ID: rec.ID, Field: field}
			}
			seen[v] = true
		}
	}
	return nil
}

func (c *conn) finds(text string, args ...any) (found bool, err error) {
	err = c.query(context.Background(), text, args, func(*sql.Rows) error { found = true; return nil })
	return found, err
}
