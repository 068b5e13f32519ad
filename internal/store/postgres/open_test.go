package postgres_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"ordermanagement/internal/store/postgres"
	"ordermanagement/internal/store/postgres/pgtest"
)

// TestOpenFails: each thing that may be wrong is told in one line that says what to do, and shows no password.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	good := database(t, shared)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	replace := func(old, new string) string { return strings.Replace(good.URL, old, new, 1) }
	with := func(statements ...string) string {
		name := shared.CreateDatabase(t)
		if err := postgres.Migrate(t.Context(), postgres.Options{URL: shared.URL(name)}); err != nil {
			t.Fatal(err)
		}
		for _, statement := range statements {
			shared.Exec(t, "postgres", strings.ReplaceAll(statement, "DATABASE", "DATABASE "+name))
		}
		return shared.URL(name)
	}
	latin := "latin_" + strings.ToLower(t.Name())
	shared.Exec(t, "postgres", "CREATE DATABASE "+latin+" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
	for name, test := range map[string]struct{ url, want string }{
		"no database server": {replace(shared.Address(), "127.0.0.1:1"), "can't be reached"},
		"silent server":      {replace(shared.Address(), silent.Addr().String()), "can't be reached"},
		"unknown host":       {replace(shared.Address(), "no-such-host.invalid:5432"), "no-such-host.invalid:5432: it can't be reached"},
		"wrong password":     {replace(pgtest.Password, "battery-staple"), "correct user and password"},
		"unknown user":       {replace(pgtest.User+":", "nobody:"), "correct user and password"},
		"unknown database":   {shared.URL("missing"), "there is no such database; create it"},
		"no TLS":             {replace("sslmode=disable", "sslmode=require"), "sslmode"},
		"no tables":          {shared.URL(shared.CreateDatabase(t)), "run ordermanagement migrate"},
		"read-only":          {with("ALTER DATABASE SET default_transaction_read_only = on"), "name the primary"},
		"not durable":        {with("ALTER DATABASE SET synchronous_commit = off"), "synchronous_commit is off"},
		"encoding":           {shared.URL(latin), "its encoding is LATIN1"},
		"not a URL":          {"postgres://me:sec ret%zz@h/d", "--database-url: is no URL"},
		"another database":   {"mysql://me:secret@h/d", "--database-url: is no URL of a PostgreSQL database"},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := postgres.Open(t.Context(), postgres.Options{URL: test.url})
			if err == nil {
				store.Close()
				t.Fatal("it opens")
			}
			text := err.Error()
			if !strings.Contains(text, test.want) || strings.Contains(text, "\n") {
				t.Errorf("got %q, want %q in one line", text, test.want)
			}
			for _, secret := range []string{pgtest.Password, "battery-staple", "secret", "sec ret"} {
				if strings.Contains(text, secret) {
					t.Errorf("shows the password: %s", text)
				}
			}
		})
	}
}

// TestFsync: a server that does not sync is refused.
func TestFsync(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context(), pgtest.Options{Settings: map[string]string{"fsync": "off"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_, err = postgres.Open(t.Context(), postgres.Options{URL: server.URL("postgres")})
	if err == nil || !strings.Contains(err.Error(), "fsync is off") {
		t.Errorf("Open: %v", err)
	}
}

// TestSchemas: a program runs on its own schema and on newer ones that it still works with.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statements     []string
		open, migrates string // part of the error
	}{
		"own": {},
		"newer, compatible": {statements: []string{
			"INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)", "ALTER TABLE orders ADD COLUMN later text"}},
		"newer, not compatible": {statements: []string{
			"INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)", "UPDATE compatibility SET oldest = 999"},
			open: "run the newer program", migrates: "run the newer program"},
		"older": {statements: []string{"DELETE FROM goose_db_version WHERE version_id > 0",
			"DROP TABLE orders, products, shipments, history, outcomes, secrets"}, open: "run ordermanagement migrate"},
	} {
		t.Run(name, func(t *testing.T) {
			options := database(t, shared)
			execute(t, options.URL, test.statements...)
			store, err := postgres.Open(t.Context(), options)
			expect(t, "Open", err, test.open)
			if err == nil {
				if err := store.Apply(t.Context(), newOrder()); err != nil {
					t.Errorf("Apply: %v", err)
				}
				store.Close()
			}
			if name == "older" {
				execute(t, options.URL, "DROP TABLE compatibility")
			}
			expect(t, "Migrate", postgres.Migrate(t.Context(), options), test.migrates)
		})
	}
}

func expect(t *testing.T, what string, err error, part string) {
	t.Helper()
	if (err == nil) != (part == "") || err != nil && !strings.Contains(err.Error(), part) {
		t.Errorf("%s: %v, want %q", what, err, part)
	}
}

// TestMigrateAtOnce: many processes migrate one database, directly and through a pooler, and all succeed.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	bouncer, err := shared.StartBouncer(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	defer bouncer.Close()
	name := shared.CreateDatabase(t)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			options := postgres.Options{URL: shared.URL(name)}
			if i%2 == 0 {
				options = postgres.Options{URL: bouncer.URL(name), TransactionPooler: true}
			}
			if err := postgres.Migrate(t.Context(), options); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	open(t, postgres.Options{URL: shared.URL(name)}).Close()
}

// TestMigrateAgain: a migration that fails in the middle leaves nothing, and is made when its cause has gone.
func TestMigrateAgain(t *testing.T) {
	t.Parallel()
	options := postgres.Options{URL: shared.URL(shared.CreateDatabase(t))}
	execute(t, options.URL, "CREATE TABLE outcomes (n int)") // in the way of the migration, after half of its tables
	expect(t, "Migrate", postgres.Migrate(t.Context(), options), "run it again")
	execute(t, options.URL, "DROP TABLE outcomes")
	expect(t, "Migrate again", postgres.Migrate(t.Context(), options), "")
	open(t, options).Close()
}

// TestSecret: whoever asks first makes it.
func TestSecret(t *testing.T) {
	t.Parallel()
	options := database(t, shared)
	one, two := open(t, options), open(t, options)
	defer one.Close()
	defer two.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first, err1 := one.Secret(ctx, "name", []byte("first"))
	second, err2 := two.Secret(ctx, "name", []byte("second"))
	other, err3 := two.Secret(ctx, "other", []byte("third"))
	if err1 != nil || err2 != nil || err3 != nil || string(first) != "first" || string(second) != "first" || string(other) != "third" {
		t.Errorf("%q %v, %q %v, %q %v", first, err1, second, err2, other, err3)
	}
}
