// Package pgtest runs real PostgreSQL servers, standbys and PgBouncers for tests, each from a temporary directory on a port
// of its own of the loopback address. What is missing on the machine is an error that says what to install.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// The only role of a server, and its password.
const (
	User     = "tester"
	Password = "correct-horse"
)

// Options say how a server runs.
type Options struct {
	// Settings are added to those of postgresql.conf, such as "fsync": "off". Without any, commits are as durable as a
	// new installation's.
	Settings map[string]string
	// Directory is where the server's own directory is made; that for temporary files when it is empty. Its user must be
	// able to go there.
	Directory string
}

// Server is one PostgreSQL server. Its methods are for one goroutine at a time.
type Server struct {
	options  Options
	account  account
	programs string
	root     string // directory of everything
	data     string
	port     int
	process  *running // nil while it is stopped
}

// Start makes a new cluster and starts its server. Close stops it and removes everything.
func Start(ctx context.Context, options Options) (*Server, error) {
	s, err := newServer(options)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(s.initialise(ctx), s.Run(ctx)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newServer(options Options) (*Server, error) {
	folder, err := programs()
	if err != nil {
		return nil, err
	}
	who, err := newAccount()
	if err != nil {
		return nil, err
	}
	root, err := os.MkdirTemp(options.Directory, "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, account: who, programs: folder, root: root, data: filepath.Join(root, "data")}
	port, err := freePort()
	if err := errors.Join(err, os.Chown(root, who.uid, who.gid)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(root))
	}
	s.port = port
	return s, nil
}

func (s *Server) initialise(ctx context.Context) error {
	password := filepath.Join(s.root, "password")
	if err := s.account.file(password, Password); err != nil {
		return err
	}
	return s.account.complete(ctx, s.root, s.Program("initdb"), "-D", s.data, "-U", User, "--pwfile="+password,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
}

// Program is one of PostgreSQL's, of the version that the server has.
func (s *Server) Program(name string) string { return filepath.Join(s.programs, name) }

// Run starts a server that was stopped or killed, on its old port, and waits until it answers.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	args := []string{"-D", s.data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + s.root,
		"-c", "max_connections=100", "-c", "log_min_messages=warning", "-c", "shared_buffers=64MB"}
	for _, name := range slices.Sorted(settingNames(s.options.Settings)) {
		args = append(args, "-c", name+"="+s.options.Settings[name])
	}
	for {
		// After a kill, a server does not start until the last process of the one before has ended.
		process, err := s.account.run(filepath.Join(s.root, "log"), s.Program("postgres"), args...)
		if err != nil {
			return err
		}
		s.process = process
		if err := s.answers(ctx); err == nil {
			return nil
		} else if ctx.Err() != nil {
			log, _ := os.ReadFile(filepath.Join(s.root, "log"))
			return errors.Join(err, s.Stop(), fmt.Errorf("PostgreSQL does not start: %s", log))
		}
	}
}

func settingNames(settings map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range settings {
			if !yield(name) {
				return
			}
		}
	}
}

// answers waits until the server takes connections; an error says that its process has ended.
func (s *Server) answers(ctx context.Context) error {
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.ended:
			return err
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// Port is that of the server, which stays the same when it is started again.
func (s *Server) Port() int { return s.port }

// Address is where the server listens, HOST:PORT.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL names a database of the server, or of several, of which the others are tried after this one.
func (s *Server) URL(database string, others ...*Server) string {
	hosts := s.Address()
	for _, other := range others {
		hosts += "," + other.Address()
	}
	return databaseURL(hosts, database)
}

func databaseURL(hosts, database string) string {
	name := url.URL{
		Scheme: "postgres", User: url.UserPassword(User, Password), Host: hosts, Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return name.String()
}

// Stop ends the server as an operator would, with its connections ("fast").
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Crash ends the server at once; the next start recovers from its log ("immediate").
func (s *Server) Crash() error { return s.end(syscall.SIGQUIT) }

// Kill kills the server with SIGKILL; its other processes notice and end.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	process := s.process
	s.process = nil
	return process.stop(signal)
}

// Restart stops the server and starts it again.
func (s *Server) Restart(ctx context.Context) error { return errors.Join(s.Stop(), s.Run(ctx)) }

// Hang has every process of the server stand still (SIGSTOP): connections stay open, and nothing answers.
func (s *Server) Hang() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a server go on that hangs.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal syscall.Signal) error {
	for i, pid := range s.process.tree() {
		if err := syscall.Kill(pid, signal); err != nil && i == 0 {
			return err
		}
	}
	return nil
}

// Close stops the server and removes everything of it.
func (s *Server) Close() error { return errors.Join(s.Crash(), os.RemoveAll(s.root)) }
