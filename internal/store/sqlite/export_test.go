package sqlite

import (
	"context"
	"database/sql"

	"ordermanagement/internal/store/group"
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
	for name, p := range map[string]*pool{"point": s.points, "list": s.lists, "search": s.searches} {
		if err := p.all(ctx, cap(p.idle), func(c *conn) { use(name, c.Conn) }, func() {}); err != nil {
			return err
		}
	}
	return nil
}

// OccupySearches calls run while every connection for searches is in use.
func (s *Store) OccupySearches(ctx context.Context, run func()) error {
	return s.searches.all(ctx, searchReaders, func(*conn) {}, run)
}

// all takes so many connections, calls use for each, and then run while it has them all.
func (p *pool) all(ctx context.Context, left int, use func(*conn), run func()) error {
	if left == 0 {
		run()
		return nil
	}
	return p.use(ctx, func(c *conn) error {
		use(c)
		return p.all(ctx, left-1, use, run)
	})
}

// Panic has the writer panic in the middle of a transaction.
func (s *Store) Panic(ctx context.Context) error {
	return s.writer.engine.Do(ctx, group.NewRequest(&record.Write{Tenant: "t", Records: []record.Record{{Kind: "none", Version: 1}}}))
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

// How many connections read.
const (
	PointReaders  = pointReaders
	ListReaders   = listReaders
	SearchReaders = searchReaders
)

// Cached says how many documents are cached, and their size.
func (s *Store) Cached() (entries, bytes int) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	return s.cache.entries.Len(), s.cache.bytes
}
