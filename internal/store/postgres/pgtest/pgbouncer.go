package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Debian installs PgBouncer where only root's path leads.
const bouncerFallback = "/usr/sbin/pgbouncer"

// Bouncer is a PgBouncer in transaction mode before one server.
type Bouncer struct {
	root    string
	port    int
	process *running
}

// StartBouncer starts a PgBouncer that has so many connections to each database of the server.
func (s *Server) StartBouncer(ctx context.Context, connections int) (*Bouncer, error) {
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath(bouncerFallback)
	}
	if err != nil {
		return nil, errors.New("no pgbouncer: install it (on Debian: apt-get install pgbouncer)")
	}
	root, err := os.MkdirTemp("", "pgtest-bouncer-")
	if err != nil {
		return nil, err
	}
	b := &Bouncer{root: root}
	if err := b.run(ctx, s, program, connections); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Bouncer) run(ctx context.Context, s *Server, program string, connections int) (err error) {
	if b.port, err = freePort(); err != nil {
		return err
	}
	users, settings := filepath.Join(b.root, "users"), filepath.Join(b.root, "pgbouncer.ini")
	err = errors.Join(
		os.Chown(b.root, s.account.uid, s.account.gid),
		s.account.file(users, fmt.Sprintf("%q %q\n", User, Password)),
		s.account.file(settings, fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s
pool_mode = transaction
default_pool_size = %d
max_client_conn = 200
`, s.port, b.port, users, connections)))
	if err != nil {
		return err
	}
	log := filepath.Join(b.root, "log")
	if b.process, err = s.account.run(log, program, settings); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, b.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-b.process.ended:
		case <-ctx.Done():
		case <-time.After(pause):
			continue
		}
		text, _ := os.ReadFile(log)
		return fmt.Errorf("PgBouncer does not start: %w: %s", err, text)
	}
}

// URL names a database behind the PgBouncer.
func (b *Bouncer) URL(database string) string {
	return databaseURL(net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)), database)
}

// Close stops the PgBouncer and removes everything of it.
func (b *Bouncer) Close() error {
	var err error
	if b.process != nil {
		err = b.process.stop(syscall.SIGTERM)
	}
	return errors.Join(err, os.RemoveAll(b.root))
}
