package sqlite

import (
	"fmt"
	"strings"

	"ordermanagement/internal/store/record"
)

const (
	selectSchema = `SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)`

	selectOutcome = `SELECT fingerprint, made FROM outcomes WHERE tenant = ? AND hash = ? AND time >= ?`
	// The last parameter is the time before which an outcome has expired.
	upsertOutcome = `INSERT INTO outcomes (tenant, hash, fingerprint, made, time) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (tenant, hash) DO UPDATE SET fingerprint = excluded.fingerprint, made = excluded.made, time = excluded.time
		WHERE outcomes.time < ?`
	deleteOutcomes = `DELETE FROM outcomes WHERE rowid IN (SELECT rowid FROM outcomes WHERE time < ? ORDER BY time LIMIT ?)`
)

// reads are the queries of one kind of resource.
type reads struct {
	get, getAt, getMany string
	list                [record.ListShapes]string
}

func newReads(shape record.Shape) reads {
	r := reads{
		get: `SELECT body FROM ` + shape.Table + ` WHERE tenant = ? AND id = ?`,
		getAt: `SELECT body FROM ` + shape.Table + ` WHERE tenant = ?1 AND id = ?2 AND version = ?3 UNION ALL
			SELECT body FROM history WHERE tenant = ?1 AND kind = '` + string(shape.Kind) + `' AND id = ?2 AND version = ?3`,
		getMany: `SELECT id, body FROM ` + shape.Table + ` WHERE tenant = ? AND id IN (SELECT value FROM json_each(?))`,
	}
	for i := range r.list {
		r.list[i] = listText(shape.Table, record.ListShape(i))
	}
	return r
}

func listText(table string, shape record.ListShape) string {
	compare, direction, filter := ">", "ASC", ""
	if shape&record.Descending != 0 {
		compare, direction = "<", "DESC"
	}
	if shape&record.WithDeleted == 0 {
		filter += " AND delete_time IS NULL"
	}
	if shape&record.ItemContains != 0 {
		filter += ` AND EXISTS (SELECT 1 FROM json_each(body, '$.content.lines') WHERE instr(value ->> 'title', ?5) > 0)`
	}
	return fmt.Sprintf(`SELECT body FROM %s WHERE tenant = ?1 AND (create_time, id) %s (?2, ?3)%s
		ORDER BY create_time %[4]s, id %[4]s LIMIT ?4`, table, compare, filter, direction)
}

// writes are the statements that change and check one kind of resource.
type writes struct {
	shape        record.Shape
	insert       string
	keep, update string   // keep copies the version that update replaces
	version      string   // finds which version is stored
	taken        []string // by unique field: finds another resource with the same value
}

func newWrites(shape record.Shape) *writes {
	table := shape.Table
	columns := append([]string{"tenant", "id", "version", "create_time", "delete_time"}, shape.Unique...)
	columns = append(columns, "body")
	w := &writes{
		shape: shape,
		insert: `INSERT INTO ` + table + ` (` + strings.Join(columns, ", ") + `)
			VALUES (` + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + `)`,
		keep: `INSERT INTO history (tenant, kind, id, version, body) SELECT tenant, '` + string(shape.Kind) + `', id, version, body
			FROM ` + table + ` WHERE tenant = ? AND id = ? AND version = ?`,
		version: `SELECT version FROM ` + table + ` WHERE tenant = ? AND id = ?`,
	}
	set := "version = ?, delete_time = ?, "
	for _, field := range shape.Unique {
		set += field + " = ?, "
		w.taken = append(w.taken, `SELECT 1 FROM `+table+` WHERE tenant = ? AND `+field+` = ? AND id <> ?`)
	}
	w.update = `UPDATE ` + table + ` SET ` + set + `body = ? WHERE tenant = ? AND id = ?`
	return w
}
