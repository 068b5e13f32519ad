package pgtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// StartStandby copies the server and starts the copy as a standby that follows it. From then on the server acknowledges
// only what the standby has on its disk too (synchronous_standby_names): without it, its writes wait.
func (s *Server) StartStandby(ctx context.Context) (*Server, error) {
	standby, err := newServer(Options{Settings: maps.Clone(s.options.Settings)})
	if err != nil {
		return nil, err
	}
	// The name of the application is what synchronous_standby_names knows a standby by.
	source := s.URL("postgres") + "&application_name=" + url.QueryEscape(standby.name())
	err = s.account.complete(ctx, standby.root, s.Program("pg_basebackup"), "-D", standby.data, "-R", "-X", "stream",
		"-c", "fast", "--no-sync", "-d", source)
	if err == nil {
		err = standby.Run(ctx)
	}
	if err == nil {
		err = s.exec(ctx, "postgres", "ALTER SYSTEM SET synchronous_standby_names = '"+standby.name()+"'", "SELECT pg_reload_conf()")
	}
	if err == nil {
		err = s.synchronous(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, standby.Close())
	}
	return standby, nil
}

func (s *Server) name() string { return "standby_" + strconv.Itoa(s.port) }

// synchronous waits until the standby takes part in commits.
func (s *Server) synchronous(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for {
		var count int
		err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").Scan(&count)
		if count > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the standby does not follow: %w", errors.Join(err, ctx.Err()))
		case <-time.After(pause):
		}
	}
}

// Promote makes a standby the primary, and waits until it takes writes. It acknowledges them alone.
func (s *Server) Promote(ctx context.Context) error {
	return errors.Join(
		s.account.complete(ctx, s.root, s.Program("pg_ctl"), "promote", "-D", s.data, "-w"),
		s.exec(ctx, "postgres", "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"),
	)
}
