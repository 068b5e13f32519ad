package pgtest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// CreateDatabase makes an empty database with a name of its own, which goes with the test.
func (s *Server) CreateDatabase(t testing.TB) (name string) {
	t.Helper()
	name = "test_" + strings.ToLower(rand.Text())
	s.Exec(t, "postgres", "CREATE DATABASE "+name)
	t.Cleanup(func() {
		if s.process != nil {
			s.Exec(t, "postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		}
	})
	return name
}

// Exec runs statements in a database of the server.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	// Not the context of the test, which has ended when it is cleaned up.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.exec(ctx, database, statements...); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	return nil
}
