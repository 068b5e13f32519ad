package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"ordermanagement/bench/load"
	"ordermanagement/bench/order"
	"ordermanagement/bench/pgbench"
)

// insertOrder is the floor under a create: what ours stores of one, as one statement and so as one transaction in one
// round trip, prepared. The floor is fair, and no easier than what ours has to do:
//
//   - The rows are copies of those that ours has made of the same request, so they are as large, and what differs from
//     order to order differs here: id, number and external id ascend, as ours do, and the key's hash is random.
//   - Tables, indexes and constraints are made by the same migrations, on the same server, in a database of the same age
//     and at first of the same size; a commit waits for the disk on both sides.
//   - As many clients wait for answers, each with a session of its own, which spares it any queue. Ours has ten sessions.
//   - pgbench neither encrypts, nor checks, encodes or answers an order.
const insertOrder = `\set high random(0, 9223372036854775806)
\set low random(0, 9223372036854775806)
WITH n AS MATERIALIZED (SELECT lpad(nextval('pgbench')::text, 18, '0') AS n),
made AS (
  INSERT INTO orders (tenant, id, version, create_time, external_id, order_number, body)
  SELECT :tenant::text, '01ZZZZZZ' || n, 1, :micros::bigint + n::bigint, 'shop-20' || n, '29-' || n, :body::text FROM n RETURNING id
)
INSERT INTO outcomes (tenant, hash, fingerprint, made, time)
SELECT :tenant::text, int8send(:high::bigint) || int8send(:low::bigint), :fingerprint::bytea, :before::text || n.id || :after::text, :micros::bigint
FROM made AS n;
`

// selectOrder is the floor under a read: the statement of ours.
const selectOrder = `SELECT body FROM orders WHERE tenant = :tenant AND id = :id;
`

// planned are the settings of our sessions that matter to these statements: one plan, by the index, whatever the size of
// the table was when the plan was made.
const planned = "&options=-cplan_cache_mode%3Dforce_generic_plan%20-cenable_seqscan%3Doff"

// insertByPgbench inserts what ours stores of creates.
func insertByPgbench(l *lab, r *running, clients int) (*load.Clients, error) {
	return l.pgbench(r, clients, insertOrder)
}

// selectByPgbench reads what ours reads of the order.
func selectByPgbench(l *lab, r *running, clients int) (*load.Clients, error) {
	return l.pgbench(r, clients, selectOrder)
}

func (l *lab) pgbench(r *running, clients int, script string) (*load.Clients, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementLimit)
	defer cancel()
	variables, err := r.database.sample(ctx)
	if err != nil {
		return nil, err
	}
	if err := execute(ctx, r.database.url(), "CREATE SEQUENCE pgbench"); err != nil {
		return nil, err
	}
	bench := &pgbench.Bench{
		Program: r.database.server.Program("pgbench"), URL: r.database.url() + planned, Directory: l.dir,
		Script: script, Variables: variables, Clients: clients,
	}
	made := &load.Clients{Close: func() {}, Program: bench.Run}
	if script == insertOrder {
		made.After = func(ctx context.Context) error { return r.database.count(ctx, bench.Made()+1) }
	}
	return made, nil
}

// sample reads what ours has stored of the one order in the database.
func (d *database) sample(ctx context.Context) (variables map[string]string, err error) {
	err = connected(ctx, d.url(), func(c *pgx.Conn) error {
		var tenant, body, fingerprint, outcome, micros string
		err := c.QueryRow(ctx, `SELECT o.tenant, o.body, k.fingerprint::text, k.made, o.create_time::text
			FROM orders AS o JOIN outcomes AS k ON k.tenant = o.tenant WHERE o.id = $1`, order.ID).Scan(&tenant, &body, &fingerprint, &outcome, &micros)
		if err != nil {
			return fmt.Errorf("the order and its key: %w", err)
		}
		before, after, found := strings.Cut(outcome, order.ID)
		if !found {
			return fmt.Errorf("what was made does not name the order: %s", outcome)
		}
		variables = map[string]string{
			"tenant": tenant, "id": order.ID, "body": body, "fingerprint": fingerprint, "before": before, "after": after, "micros": micros,
		}
		return nil
	})
	return variables, err
}

// count makes sure that there are so many orders, each with a key.
func (d *database) count(ctx context.Context, want int) error {
	return connected(ctx, d.url(), func(c *pgx.Conn) error {
		var orders, keys int
		if err := c.QueryRow(ctx, "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM outcomes)").Scan(&orders, &keys); err != nil {
			return err
		}
		if orders != want || keys != want {
			return fmt.Errorf("%d orders and %d keys are stored, want %d", orders, keys, want)
		}
		return nil
	})
}
