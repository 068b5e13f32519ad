package sqlite

import (
	"context"
	"database/sql"

	"ordermanagement/internal/store/record"
)

// Connections opens every connection the store may have, all at once, and calls use for each.
func (s *Store) Connections(ctx context.Context, use func(name string, c *sql.Conn)) error {
	if s.writer.conn == nil {
		if _, err := s.writer.connection(); err != nil {
			return err
		}
	}
	use("writer", s.writer.conn.Conn)
	var all func(p *pool, name string, left int) error
	all = func(p *pool, name string, left int) error {
		if left == 0 {
			return nil
		}
		return p.use(ctx, func(c *conn) error {
			use(name, c.Conn)
			return all(p, name, left-1)
		})
	}
	if err := all(s.points, "point", pointReaders); err != nil {
		return err
	}
	return all(s.lists, "list", listReaders)
}

// Panic has the writer panic in the middle of a transaction.
func (s *Store) Panic(ctx context.Context) error {
	return s.writer.do(ctx, newRequest(&record.Write{Tenant: "t", Records: []record.Record{{Kind: "none", Version: 1}}}))
}

// Statements lists all queries and writes.
func Statements() []string {
	list := []string{selectSchema, selectOutcome, upsertOutcome, deleteOutcomes}
	for _, shape := range record.Shapes() {
		r, w := newReads(shape), newWrites(shape)
		list = append(list, r.get, r.getAt, r.getMany, w.insert, w.keep, w.update, w.version)
		list = append(append(list, r.list[:]...), w.taken...)
	}
	return list
}

// Readers is how many connections read.
const Readers = pointReaders + listReaders
