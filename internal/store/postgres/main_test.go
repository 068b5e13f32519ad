package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/postgres"
	"ordermanagement/internal/store/postgres/pgtest"
	"ordermanagement/internal/store/storetest"
)

// shared is the server of all tests that don't stop or spoil it.
var shared *pgtest.Server

func TestMain(m *testing.M) {
	server, err := pgtest.Start(context.Background(), pgtest.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = server
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent(), goleak.Cleanup(func(code int) {
		if err := server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance(t, database(t, shared), func(t *testing.T, options postgres.Options) order.Store { return open(t, options) })
}

// TestConformanceOfReplicas: two stores over one database are as good as one, whichever is asked.
func TestConformanceOfReplicas(t *testing.T) {
	t.Parallel()
	conformance(t, database(t, shared), func(t *testing.T, options postgres.Options) order.Store {
		return &replicas{stores: []*postgres.Store{open(t, options), open(t, options)}}
	})
}

// TestConformanceBehindBouncer: nothing needs a session of its own.
func TestConformanceBehindBouncer(t *testing.T) {
	t.Parallel()
	bouncer, err := shared.StartBouncer(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bouncer.Close(); err != nil {
			t.Error(err)
		}
	})
	options := postgres.Options{URL: bouncer.URL(shared.CreateDatabase(t)), TransactionPooler: true}
	if err := postgres.Migrate(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	conformance(t, options, func(t *testing.T, options postgres.Options) order.Store { return open(t, options) })
}

// conformance runs the suite on one database, which is emptied before each test: that takes less time than a new one.
func conformance(t *testing.T, options postgres.Options, open func(*testing.T, postgres.Options) order.Store) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		execute(t, options.URL, "TRUNCATE orders, products, shipments, history, outcomes")
		return func(t *testing.T) order.Store { return open(t, options) }
	})
}

// execute runs statements in a database.
func execute(t testing.TB, url string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
}

// replicas ask each of their stores in turn.
type replicas struct {
	stores []*postgres.Store
	calls  atomic.Int64
}

func (r *replicas) next() *postgres.Store {
	return r.stores[int(r.calls.Add(1))%len(r.stores)]
}

func (r *replicas) Orders() order.Reader[order.Order]       { return r.next().Orders() }
func (r *replicas) Products() order.Reader[order.Product]   { return r.next().Products() }
func (r *replicas) Shipments() order.Reader[order.Shipment] { return r.next().Shipments() }
func (r *replicas) Ping(ctx context.Context) error          { return r.next().Ping(ctx) }

func (r *replicas) Apply(ctx context.Context, change *order.Change) error {
	return r.next().Apply(ctx, change)
}

func (r *replicas) Outcome(ctx context.Context, tenant string, key [32]byte, since time.Time) (order.Outcome, error) {
	return r.next().Outcome(ctx, tenant, key, since)
}

func (r *replicas) Sweep(ctx context.Context, before time.Time) (int, error) {
	return r.next().Sweep(ctx, before)
}

func (r *replicas) Close() error {
	var errs []error
	for _, store := range r.stores {
		errs = append(errs, store.Close())
	}
	return errors.Join(errs...)
}

// start starts a server of its own for a test that stops it.
func start(t testing.TB) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// database makes a new one with all tables.
func database(t testing.TB, server *pgtest.Server) postgres.Options {
	t.Helper()
	options := postgres.Options{URL: server.URL(server.CreateDatabase(t))}
	if err := postgres.Migrate(t.Context(), options); err != nil {
		t.Fatal(err)
	}
	return options
}

// open opens a store; the test closes it.
func open(t testing.TB, options postgres.Options) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return store
}
