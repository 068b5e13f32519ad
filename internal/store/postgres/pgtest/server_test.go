package pgtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"ordermanagement/internal/store/postgres/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ok(t, server.Close()) })
	return server
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func query[T any](t *testing.T, url, statement string, args ...any) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	ok(t, err)
	defer conn.Close(context.Background())
	var value T
	ok(t, conn.QueryRow(t.Context(), statement, append([]any{pgx.QueryExecModeExec}, args...)...).Scan(&value))
	return value
}

// TestServer: what was committed stays, whatever way the server ends, and a server that hangs goes on.
func TestServer(t *testing.T) {
	server := start(t)
	database := server.CreateDatabase(t)
	server.Exec(t, database, "CREATE TABLE numbers (n int)")
	for i, end := range []func() error{server.Stop, server.Crash, server.Kill} {
		server.Exec(t, database, "INSERT INTO numbers VALUES (1)")
		ok(t, end())
		if _, err := pgx.Connect(t.Context(), server.URL(database)); err == nil {
			t.Fatal("a stopped server answers")
		}
		ok(t, server.Run(t.Context()))
		if n := query[int](t, server.URL(database), "SELECT count(*) FROM numbers"); n != i+1 {
			t.Fatalf("%d rows after %d inserts", n, i+1)
		}
	}
	conn, err := pgx.Connect(t.Context(), server.URL(database))
	ok(t, err)
	defer conn.Close(context.Background())
	ok(t, server.Hang())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := conn.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Ping of a server that hangs: %v", err)
	}
	ok(t, server.Resume())
	query[int](t, server.URL(database), "SELECT 1")
}

// TestStandby: what the primary has acknowledged is on the standby when that is promoted.
func TestStandby(t *testing.T) {
	primary := start(t)
	standby, err := primary.StartStandby(t.Context())
	ok(t, err)
	t.Cleanup(func() { ok(t, standby.Close()) })
	primary.Exec(t, "postgres", "CREATE TABLE numbers (n int)", "INSERT INTO numbers VALUES (1)")
	if query[string](t, standby.URL("postgres"), "SHOW transaction_read_only") != "on" {
		t.Fatal("the standby takes writes")
	}
	ok(t, primary.Kill())
	ok(t, standby.Promote(t.Context()))
	standby.Exec(t, "postgres", "INSERT INTO numbers VALUES (2)")
	if n := query[int](t, primary.URL("postgres", standby), "SELECT count(*) FROM numbers"); n != 2 {
		t.Fatalf("%d rows after 2 inserts", n)
	}
}

// TestBouncer: what a session prepares is gone with its transaction.
func TestBouncer(t *testing.T) {
	server := start(t)
	bouncer, err := server.StartBouncer(t.Context(), 2)
	ok(t, err)
	t.Cleanup(func() { ok(t, bouncer.Close()) })
	var connections []*pgx.Conn
	servers := map[int]bool{}
	for range 4 {
		conn, err := pgx.Connect(t.Context(), bouncer.URL("postgres"))
		ok(t, err)
		defer conn.Close(context.Background())
		connections = append(connections, conn)
	}
	for _, conn := range connections {
		var pid int
		ok(t, conn.QueryRow(t.Context(), "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid))
		servers[pid] = true
	}
	if len(servers) > 2 {
		t.Errorf("%d connections to the server, want at most 2", len(servers))
	}
}
