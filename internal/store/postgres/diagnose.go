package postgres

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/group"
	"ordermanagement/internal/store/record"
)

// Diagnose looks for what each change conflicts with. What it needs of the database it reads in one round trip, however
// many changes there are.
func (w *writer) Diagnose(requests []*group.Request) []error {
	conflicts := make([]error, len(requests))
	f, err := w.find(requests)
	for i, r := range requests {
		if err != nil {
			conflicts[i] = err
		} else if r.Write != nil {
			conflicts[i] = f.diagnose(r)
		}
	}
	return conflicts
}

// value is one of a unique field.
type value struct {
	kind          order.Kind
	field, tenant string
	text          string
}

// keyName names an outcome.
type keyName struct{ tenant, hash string }

type storedOutcome struct {
	fingerprint []byte
	made        string
	time        int64
}

// findings are what is stored that changes may conflict with.
type findings struct {
	kinds    []*writes
	outcomes map[keyName]storedOutcome
	versions map[group.Resource]int64
	owners   map[value]string // ids
}

func (w *writer) find(requests []*group.Request) (f *findings, err error) {
	defer group.Contain(&err, func() {})
	f = &findings{
		kinds: w.kinds, outcomes: map[keyName]storedOutcome{}, versions: map[group.Resource]int64{}, owners: map[value]string{},
	}
	t := newTransaction(w.kinds, requests)
	err = w.pool.send(context.Background(), func(b *pgx.Batch) {
		for _, list := range t.outcomes {
			f.queueOutcomes(b, list)
		}
		for _, of := range t.tables {
			f.queueTable(b, of.writes, append(of.inserted[:len(of.inserted):len(of.inserted)], of.updated...))
		}
	})
	return f, err
}

func (f *findings) queueOutcomes(b *pgx.Batch, list []outcome) {
	var tenants []string
	var hashes [][]byte
	for _, o := range list {
		tenants, hashes = append(tenants, o.tenant), append(hashes, record.ShortHash(o.write.Key.Hash))
	}
	b.Queue(findOutcomes, tenants, hashes).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var tenant string
			var hash []byte
			var o storedOutcome
			if err := rows.Scan(&tenant, &hash, &o.fingerprint, &o.made, &o.time); err != nil {
				return err
			}
			f.outcomes[keyName{tenant, string(hash)}] = o
		}
		return rows.Err()
	})
}

func (f *findings) queueTable(b *pgx.Batch, kind *writes, rows []row) {
	if len(rows) == 0 {
		return
	}
	var tenants, ids []string
	for _, r := range rows {
		tenants, ids = append(tenants, r.tenant), append(ids, r.ID)
	}
	b.Queue(kind.versions, tenants, ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			name := group.Resource{Kind: kind.shape.Kind}
			var version int64
			if err := rows.Scan(&name.Tenant, &name.ID, &version); err != nil {
				return err
			}
			f.versions[name] = version
		}
		return rows.Err()
	})
	for i, field := range kind.shape.Unique {
		var owners, values []string
		for _, r := range rows {
			if r.Unique[i] != "" {
				owners, values = append(owners, r.tenant), append(values, r.Unique[i])
			}
		}
		if len(values) == 0 {
			continue
		}
		b.Queue(kind.taken[i], owners, values).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				v := value{kind: kind.shape.Kind, field: field}
				var id string
				if err := rows.Scan(&v.tenant, &v.text, &id); err != nil {
					return err
				}
				f.owners[v] = id
			}
			return rows.Err()
		})
	}
}

// diagnose looks in the order that order.Conflict gives.
func (f *findings) diagnose(r *group.Request) error {
	write := r.Write
	if key := write.Key; key != nil {
		stored, found := f.outcomes[keyName{write.Tenant, string(record.ShortHash(key.Hash))}]
		// An outcome of the very same change and moment is that of the transaction whose answer was lost. Should another
		// replica have made the same for the same caller in the same microsecond, the answer is right as well.
		if found && r.Repeated && bytes.Equal(stored.fingerprint, key.Fingerprint[:]) && stored.made == write.Made && stored.time == key.Time.UnixMicro() {
			return group.ErrMade
		}
		if found && stored.time >= key.NotSince.UnixMicro() {
			return &order.ConflictError{Conflict: order.ConflictKey}
		}
	}
	for _, first := range []bool{true, false} {
		for i := range write.Records {
			rec := &write.Records[i]
			stored, found := f.versions[group.Resource{Kind: rec.Kind, Tenant: write.Tenant, ID: rec.ID}]
			switch {
			case first && rec.Version == 1 && found:
				return &order.ConflictError{Conflict: order.ConflictExists, Kind: rec.Kind, ID: rec.ID}
			case !first && rec.Version != 1 && stored != rec.Version-1:
				return &order.ConflictError{Conflict: order.ConflictStale, Kind: rec.Kind, ID: rec.ID}
			}
		}
	}
	return f.taken(write)
}

// taken looks for another resource, stored or in the change itself, with the same value of a unique field.
func (f *findings) taken(write *record.Write) error {
	seen := map[value]bool{}
	for i := range write.Records {
		rec := &write.Records[i]
		for j, text := range rec.Unique {
			if text == "" {
				continue
			}
			v := value{kind: rec.Kind, field: f.field(rec.Kind, j), tenant: write.Tenant, text: text}
			if owner, found := f.owners[v]; found && owner != rec.ID || seen[v] {
				return &order.ConflictError{Conflict: order.ConflictUnique, Kind: rec.Kind, ID: rec.ID, Field: v.field}
			}
			seen[v] = true
		}
	}
	return nil
}

func (f *findings) field(kind order.Kind, i int) string {
	for _, k := range f.kinds {
		if k.shape.Kind == kind {
			return k.shape.Unique[i]
		}
	}
	panic("no table for " + string(kind))
}
