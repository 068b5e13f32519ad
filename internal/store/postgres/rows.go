package postgres

import (
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/record"
)

// row is a version of a resource and whose it is.
type row struct {
	tenant string
	*record.Record
}

// table collects the rows that a transaction writes into the table of one kind.
type table struct {
	writes            *writes
	inserted, updated []row
}

// outcome is the row of an idempotency key.
type outcome struct {
	tenant string
	write  *record.Write
}

// transaction is what a group asks for, by statement.
type transaction struct {
	tables   []table
	outcomes map[time.Duration][]outcome // by how long they are kept, which hardly ever differs
}

// newTransaction sorts the rows, so that transactions of several processes lock them in the same order.
func newTransaction(kinds []*writes, requests []*group.Request) *transaction {
	t := &transaction{outcomes: map[time.Duration][]outcome{}}
	for _, kind := range kinds {
		t.tables = append(t.tables, table{writes: kind})
	}
	for _, r := range requests {
		if r.Write == nil {
			continue
		}
		for i := range r.Write.Records {
			rec := &r.Write.Records[i]
			of := t.table(rec)
			if rec.Version == 1 {
				of.inserted = append(of.inserted, row{r.Write.Tenant, rec})
			} else {
				of.updated = append(of.updated, row{r.Write.Tenant, rec})
			}
		}
		if key := r.Write.Key; key != nil {
			kept := key.Time.Sub(key.NotSince)
			t.outcomes[kept] = append(t.outcomes[kept], outcome{r.Write.Tenant, r.Write})
		}
	}
	byName := func(a, b row) int { return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.ID, b.ID)) }
	for _, of := range t.tables {
		slices.SortFunc(of.inserted, byName)
		slices.SortFunc(of.updated, byName)
	}
	for _, list := range t.outcomes {
		slices.SortFunc(list, func(a, b outcome) int {
			return cmp.Or(cmp.Compare(a.tenant, b.tenant), slices.Compare(a.write.Key.Hash[:], b.write.Key.Hash[:]))
		})
	}
	return t
}

func (t *transaction) table(rec *record.Record) *table {
	for i := range t.tables {
		if t.tables[i].writes.shape.Kind == rec.Kind {
			return &t.tables[i]
		}
	}
	panic("no table for " + string(rec.Kind))
}

// queue adds the statements to a batch.
func (t *transaction) queue(batch *pgx.Batch) {
	if text, args := t.create(); text != "" {
		batch.Queue(text, args...)
		return
	}
	for _, of := range t.tables {
		if len(of.inserted) > 0 {
			c := newColumns(of.inserted)
			batch.Queue(of.writes.insert, c.args(of.writes.shape, true)...)
		}
		if len(of.updated) > 0 {
			c := newColumns(of.updated)
			batch.Queue(of.writes.update, c.args(of.writes.shape, false)...)
		}
	}
	for kept, list := range t.outcomes {
		n := len(list)
		tenants, made, times := make([]string, n), make([]string, n), make([]int64, n)
		hashes, fingerprints := make([][]byte, n), make([][]byte, n)
		for i, o := range list {
			tenants[i], made[i], times[i] = o.tenant, o.write.Made, o.write.Key.Time.UnixMicro()
			hashes[i], fingerprints[i] = record.ShortHash(o.write.Key.Hash), o.write.Key.Fingerprint[:]
		}
		batch.Queue(upsertOutcomes, tenants, hashes, fingerprints, made, times, kept.Microseconds())
	}
}

// create is the one statement that will do when all that is asked for is one new resource under a key; empty otherwise.
func (t *transaction) create() (text string, args []any) {
	if len(t.outcomes) != 1 {
		return "", nil
	}
	var made *table
	for i := range t.tables {
		of := &t.tables[i]
		if len(of.updated) > 0 || len(of.inserted) > 1 || len(of.inserted) == 1 && made != nil {
			return "", nil
		}
		if len(of.inserted) == 1 {
			made = of
		}
	}
	for kept, list := range t.outcomes {
		if made == nil || len(list) != 1 {
			return "", nil
		}
		key := list[0].write.Key
		text = made.writes.create
		args = append(made.inserted[0].args(), record.ShortHash(key.Hash), key.Fingerprint[:], list[0].write.Made, key.Time.UnixMicro(), kept.Microseconds())
	}
	return text, args
}

// args are the columns of a row that is inserted.
func (r row) args() []any {
	args := []any{r.tenant, r.ID, r.Version, r.CreateTime.UnixMicro(), nil}
	if !r.DeleteTime.IsZero() {
		args[len(args)-1] = r.DeleteTime.UnixMicro()
	}
	for _, value := range r.Unique {
		if value == "" {
			args = append(args, nil)
		} else {
			args = append(args, value)
		}
	}
	return append(args, r.Body)
}

// columns are rows turned by 90 degrees.
type columns struct {
	tenants, ids, bodies  []string
	versions, createTimes []int64
	deleteTimes           []*int64
	unique                [][]*string // by unique field
}

func newColumns(rows []row) *columns {
	n := len(rows)
	c := &columns{
		tenants: make([]string, n), ids: make([]string, n), bodies: make([]string, n),
		versions: make([]int64, n), createTimes: make([]int64, n), deleteTimes: make([]*int64, n),
	}
	for i, r := range rows {
		c.tenants[i], c.ids[i], c.bodies[i] = r.tenant, r.ID, r.Body
		c.versions[i], c.createTimes[i] = r.Version, r.CreateTime.UnixMicro()
		if !r.DeleteTime.IsZero() {
			micros := r.DeleteTime.UnixMicro()
			c.deleteTimes[i] = &micros
		}
		for j := range r.Unique {
			if i == 0 {
				c.unique = append(c.unique, make([]*string, n))
			}
			if r.Unique[j] != "" {
				c.unique[j][i] = &r.Unique[j]
			}
		}
	}
	return c
}

// args are the parameters in the order of the statements of writes.
func (c *columns) args(shape record.Shape, insert bool) []any {
	args := []any{c.tenants, c.ids, c.versions}
	if insert {
		args = append(args, c.createTimes)
	}
	args = append(args, c.deleteTimes)
	for i := range shape.Unique {
		args = append(args, c.unique[i])
	}
	return append(args, c.bodies)
}
