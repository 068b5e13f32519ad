package postgres

import (
	"fmt"
	"strings"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/record"
)

const (
	selectOne = `SELECT 1`

	// For a transaction through a pooler, whose sessions are not ours (PostgreSQL, set_config: like SET LOCAL).
	setTimeout = `SELECT set_config('statement_timeout', $1::text, true), set_config('lock_timeout', $1::text, true)`

	selectOutcome = `SELECT fingerprint, made FROM outcomes WHERE tenant = $1 AND hash = $2 AND time >= $3`
	// How long outcomes are kept is the last parameter, in microseconds.
	upsertOutcomes = `WITH put AS (
			INSERT INTO outcomes (tenant, hash, fingerprint, made, time)
			SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::bigint[])
			` + unlessKept + `$6::bigint RETURNING 1
		) ` + allOr22012 + ` FROM put`
	// unlessKept replaces an outcome that is older than how long outcomes are kept, which is to follow.
	unlessKept = `ON CONFLICT (tenant, hash) DO UPDATE SET fingerprint = excluded.fingerprint, made = excluded.made, time = excluded.time
			WHERE outcomes.time < excluded.time - `
	findOutcomes = `SELECT o.tenant, o.hash, o.fingerprint, o.made, o.time FROM unnest($1::text[], $2::bytea[]) AS n (tenant, hash)
		JOIN outcomes o ON o.tenant = n.tenant AND o.hash = n.hash`
	// Others sweep at the same time: what they have locked is theirs.
	deleteOutcomes = `DELETE FROM outcomes WHERE (tenant, hash) IN (
			SELECT tenant, hash FROM outcomes WHERE time < $1 ORDER BY time LIMIT $2 FOR UPDATE SKIP LOCKED)`

	insertSecret = `INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectSecret = `SELECT value FROM secrets WHERE name = $1`

	// allOr22012 fails the transaction (division_by_zero) unless every row of the first parameter was changed: the server
	// finds out by itself, in the one round trip that a transaction takes.
	allOr22012 = `SELECT 1 / (count(*) = cardinality($1::text[]))::int`
)

// reads are the queries of one kind of resource.
type reads struct {
	get, getAt, getMany string
	list                [record.ListShapes]string
}

func newReads(shape record.Shape) reads {
	r := reads{
		get: `SELECT body FROM ` + shape.Table + ` WHERE tenant = $1 AND id = $2`,
		getAt: `SELECT body FROM ` + shape.Table + ` WHERE tenant = $1 AND id = $2 AND version = $3 UNION ALL
			SELECT body FROM history WHERE tenant = $1 AND kind = '` + string(shape.Kind) + `' AND id = $2 AND version = $3`,
		getMany: `SELECT id, body FROM ` + shape.Table + ` WHERE tenant = $1 AND id = ANY ($2::text[])`,
	}
	for i := range r.list {
		r.list[i] = listText(shape.Table, record.ListShape(i))
	}
	return r
}

// listText reads one row more than a page may have, and no body of those that the page has no room for: the first such row
// has none. What is not read by the client would still be sent.
func listText(table string, shape record.ListShape) string {
	compare, direction, filter := ">", "ASC", ""
	if shape&record.Descending != 0 {
		compare, direction = "<", "DESC"
	}
	if shape&record.WithDeleted == 0 {
		filter += " AND delete_time IS NULL"
	}
	if shape&record.ItemContains != 0 {
		filter += ` AND EXISTS (SELECT 1 FROM jsonb_array_elements(body::jsonb #> '{content,lines}') AS line
				WHERE position($5::text IN line ->> 'title') > 0)`
	}
	return fmt.Sprintf(`SELECT CASE WHEN place = 1 OR place <= $4::bigint AND size <= %[5]d THEN body END FROM (
			SELECT body, create_time, id, row_number() OVER page AS place, sum(octet_length(body)) OVER page AS size FROM (
				SELECT body, create_time, id FROM %[1]s WHERE tenant = $1 AND (create_time, id) %[2]s ($2, $3)%[3]s
				ORDER BY create_time %[4]s, id %[4]s LIMIT $4::bigint + 1
			) AS found WINDOW page AS (ORDER BY create_time %[4]s, id %[4]s ROWS UNBOUNDED PRECEDING)
		) AS sized WHERE place <= 2 OR size - octet_length(body) <= %[5]d
		ORDER BY create_time %[4]s, id %[4]s`, table, compare, filter, direction, order.MaxPageBytes)
}

// writes are the statements that change and check one kind of resource, each for any number of rows.
type writes struct {
	shape    record.Shape
	insert   string
	create   string   // one row and its outcome: in two thirds of the time that the statements for any number take
	update   string   // keeps the versions that it replaces
	versions string   // finds which are stored
	taken    []string // by unique field: finds who has the values
}

func newWrites(shape record.Shape) *writes {
	table := shape.Table
	inserted := []string{"tenant", "id", "version", "create_time", "delete_time"}
	w := &writes{shape: shape}
	w.insert = `INSERT INTO ` + table + ` (` + columnsOf(inserted, shape) + `) SELECT * FROM ` + rowsOf(inserted, shape)
	w.create = createText(inserted, shape)
	updated := []string{"tenant", "id", "version", "delete_time"}
	set := "version = n.version, delete_time = n.delete_time, "
	for _, field := range shape.Unique {
		set += field + " = n." + field + ", "
		w.taken = append(w.taken, `SELECT o.tenant, o.`+field+`, o.id FROM unnest($1::text[], $2::text[]) AS n (tenant, value)
			JOIN `+table+` o ON o.tenant = n.tenant AND o.`+field+` = n.value`)
	}
	const replaced = `o.tenant = n.tenant AND o.id = n.id AND o.version = n.version - 1`
	// Both parts look at the table as it was before the statement. A row that another transaction changes meanwhile has no
	// longer the version that is to be replaced, so it isn't changed, and the whole is undone.
	w.update = `WITH n AS (SELECT * FROM ` + rowsOf(updated, shape) + ` AS n (` + columnsOf(updated, shape) + `)),
		kept AS (INSERT INTO history (tenant, kind, id, version, body)
			SELECT o.tenant, '` + string(shape.Kind) + `', o.id, o.version, o.body FROM n JOIN ` + table + ` o ON ` + replaced + `),
		changed AS (UPDATE ` + table + ` o SET ` + set + `body = n.body FROM n WHERE ` + replaced + ` RETURNING 1)
		` + allOr22012 + ` FROM changed`
	w.versions = `SELECT o.tenant, o.id, o.version FROM unnest($1::text[], $2::text[]) AS n (tenant, id)
		JOIN ` + table + ` o ON o.tenant = n.tenant AND o.id = n.id`
	return w
}

// createText takes the columns of the row, then hash, fingerprint, made and time of the outcome, and how long it is kept.
func createText(inserted []string, shape record.Shape) string {
	row := parametersOf(inserted, shape, "")
	n := len(row)
	return fmt.Sprintf(`WITH made AS (INSERT INTO %s (%s) VALUES (%s)),
		put AS (
			INSERT INTO outcomes (tenant, hash, fingerprint, made, time)
			VALUES ($1::text, $%d::bytea, $%d::bytea, $%d::text, $%d::bigint) %s$%d::bigint RETURNING 1
		) SELECT 1 / count(*)::int FROM put`,
		shape.Table, columnsOf(inserted, shape), strings.Join(row, ", "), n+1, n+2, n+3, n+4, unlessKept, n+5)
}

func columnsOf(columns []string, shape record.Shape) string {
	all := append(append(columns[:len(columns):len(columns)], shape.Unique...), "body")
	return strings.Join(all, ", ")
}

// rowsOf makes rows of parameters, each of which is a column.
func rowsOf(columns []string, shape record.Shape) string {
	return `unnest(` + strings.Join(parametersOf(columns, shape, "[]"), ", ") + `)`
}

// parametersOf makes a parameter of each column.
func parametersOf(columns []string, shape record.Shape, array string) []string {
	var parameters []string
	for i, column := range strings.Split(columnsOf(columns, shape), ", ") {
		kind := "text"
		if column == "version" || strings.HasSuffix(column, "_time") {
			kind = "bigint"
		}
		parameters = append(parameters, fmt.Sprintf("$%d::%s%s", i+1, kind, array))
	}
	return parameters
}
