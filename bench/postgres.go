package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"ordermanagement/bench/load"
	"ordermanagement/bench/order"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/store/postgres/pgtest"
)

// statementLimit is how long one statement of ours, which is not measured, may take.
const statementLimit = time.Minute

// A database is one of the run's PostgreSQL server. Every contestant has a new one, and both sides of a row are on the
// same server, which has the settings of a new installation but for where it listens, and waits for the disk.
type database struct {
	server *pgtest.Server
	name   string
}

func (d *database) url() string { return d.server.URL(d.name) }

// drop also spares the next rows that the server tidies it up meanwhile (autovacuum).
func (d *database) drop() error {
	ctx, cancel := context.WithTimeout(context.Background(), statementLimit)
	defer cancel()
	return execute(ctx, d.server.URL("postgres"), "DROP DATABASE "+d.name+" WITH (FORCE)")
}

func execute(ctx context.Context, url string, statements ...string) error {
	return connected(ctx, url, func(c *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := c.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

func connected(ctx context.Context, url string, use func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(use(c), c.Close(ctx))
}

// newDatabase makes one with the tables of the service, by its own migrations.
func (l *lab) newDatabase(ctx context.Context) (*database, error) {
	if l.postgres == nil {
		// Beside the lab's directory, which is nobody's but the user's: PostgreSQL may run as another one. A socket's path
		// may not be that long, and nobody needs one.
		server, err := pgtest.Start(ctx, pgtest.Options{
			Directory: filepath.Dir(l.dir), Settings: map[string]string{"unix_socket_directories": ""},
		})
		if err != nil {
			return nil, err
		}
		l.postgres = server
	}
	l.paths++
	d := &database{server: l.postgres, name: fmt.Sprintf("bench%d", l.paths)}
	if err := execute(ctx, l.postgres.URL("postgres"), "CREATE DATABASE "+d.name); err != nil {
		return nil, err
	}
	program, err := l.build(ctx, ".", "cmd/ordermanagement")
	if err != nil {
		return nil, errors.Join(err, d.drop())
	}
	output, err := exec.CommandContext(ctx, program, "migrate", "--database-url="+d.url()).CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("migrate: %w\n%s", err, output), d.drop())
	}
	// What was written so far is not to be written to the disk while a side is measured.
	return d, execute(ctx, d.url(), "CHECKPOINT")
}

// oursOnPostgres is the gRPC server over a database of its own, which has one order.
func oursOnPostgres(ctx context.Context, l *lab, data string) (*running, error) {
	d, err := l.newDatabase(ctx)
	if err != nil {
		return nil, err
	}
	r, err := l.startCopy(ctx, "server", data, "--database-url="+d.url())
	if err != nil {
		return nil, errors.Join(err, d.drop())
	}
	r.database = d
	if err := l.storeOrder(ctx, r); err != nil {
		return nil, errors.Join(err, r.stop())
	}
	return r, nil
}

// postgresAlone is a database with what ours has made and stored in it, without ours.
func postgresAlone(ctx context.Context, l *lab, data string) (*running, error) {
	r, err := oursOnPostgres(ctx, l, data)
	if err != nil {
		return nil, err
	}
	d := r.database
	r.database = nil
	if err := r.stop(); err != nil {
		return nil, errors.Join(err, d.drop())
	}
	r.processes, r.database = nil, d
	return r, nil
}

// storeOrder creates the order that reads ask for, in the way in which others are created.
func (l *lab) storeOrder(ctx context.Context, r *running) error {
	client, err := r.dialGRPC(l, 1)
	if err != nil {
		return err
	}
	defer client.Close()
	draft, err := order.Draft()
	if err != nil {
		return err
	}
	draft.ExternalId = order.Key
	body, err := proto.Marshal(&ordermanagementv2.CreateOrderRequest{
		Order: draft, OrderId: order.ID, RequestId: requestID,
	})
	if err != nil {
		return err
	}
	r.order = new(ordermanagementv2.Order)
	return client.Call(0, load.Message{
		Method:        ordermanagementv2.OrderService_CreateOrder_FullMethodName,
		Authorization: r.authorization,
		Body:          func() []byte { return body },
		Check:         func(answer []byte) error { return proto.Unmarshal(answer, r.order) },
	})(ctx)
}
