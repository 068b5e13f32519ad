package postgres_test

import (
	"context"
	"fmt"
	"os"
	"testing"

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
	storetest.Run(t, func(t *testing.T) storetest.Open {
		options := database(t, shared)
		return func(t *testing.T) order.Store { return open(t, options) }
	})
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
