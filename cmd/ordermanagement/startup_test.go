package main

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// names lists what is in a directory, and below it.
func names(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func writeTestFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// free are addresses that the process picks itself.
func free(args ...string) []string {
	return append([]string{"serve", "--grpc-listen=127.0.0.1:0", "--http-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, args...)
}

func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()

	for name, test := range map[string]struct {
		prepare func(t *testing.T, dir string)
		args    []string
		code    int
		lines   []string // on stderr: what each must hold
	}{
		"taken port": {
			args: free("--http-listen=" + taken.Addr().String()), code: exitFailed,
			lines: []string{"address already in use; choose another address with --http-listen"},
		},
		"data directory is a file": {
			prepare: func(t *testing.T, dir string) { writeTestFile(t, filepath.Join(dir, "data"), "") },
			args:    free(), code: exitFailed, lines: []string{"choose another one with --data-dir"},
		},
		"corrupt certificate": {
			prepare: func(t *testing.T, dir string) {
				writeTestFile(t, filepath.Join(dir, "x.crt"), "not PEM")
				writeTestFile(t, filepath.Join(dir, "x.key"), "not PEM")
			},
			args: free("--tls-cert=x.crt", "--tls-key=x.key"), code: exitFailed, lines: []string{"--tls-cert, --tls-key, --client-ca: x.crt"},
		},
		"no such certificate": {
			args: free("--tls-cert=none.crt", "--tls-key=none.key"), code: exitFailed, lines: []string{"none.crt"},
		},
		"named token file that is not there": {
			args: free("--tokens-file=none", "--callers-file=none.yaml"), code: exitFailed, lines: []string{"--tokens-file, --callers-file, --htpasswd-file: open none"},
		},
		"named htpasswd file that is not there": {
			args: free("--htpasswd-file=none"), code: exitFailed, lines: []string{"--htpasswd-file: open none"},
		},
		"named page token key that is not there": {
			args: free("--page-token-key=none"), code: exitFailed, lines: []string{"--page-token-key: open none"},
		},
		"unknown key in the file": {
			prepare: func(t *testing.T, dir string) {
				writeTestFile(t, filepath.Join(dir, "x.yaml"), "tls: on\ntlss: off\nname: x\n")
			},
			args: free("--config=x.yaml"), code: exitUsage,
			lines: []string{`x.yaml: line 2: there is no setting "tlss"`, `x.yaml: line 3: there is no setting "name"`},
		},
		"file that is not YAML": {
			prepare: func(t *testing.T, dir string) { writeTestFile(t, filepath.Join(dir, "x.yaml"), "tls: [\n- on") },
			args:    free("--config=x.yaml"), code: exitUsage, lines: []string{"x.yaml: write one"},
		},
		"file that is not there": {args: free("--config=none.yaml"), code: exitUsage, lines: []string{"none.yaml"}},
		"plaintext for others": {
			args: free("--tls=off", "--http-listen=:0"), code: exitUsage,
			lines: []string{"--http-listen: :0 can be reached from other machines, which --tls=off forbids; use 127.0.0.1:8443"},
		},
		"no authentication for others": {
			args: free("--auth=off", "--grpc-listen=0.0.0.0:0"), code: exitUsage, lines: []string{"--grpc-listen: 0.0.0.0:0"},
		},
		"everything at once": {
			args: free("--tls=maybe", "--auth=maybe", "--max-body-bytes=many", "--call-timeout=-1s", "--api-versions=v1", "--v1-currency=XXX?"),
			code: exitUsage, lines: []string{"--tls: ", "--max-body-bytes: ", "--auth: ", "--call-timeout: ", "--api-versions: ", "--v1-currency: "},
		},
		"PostgreSQL that isn't there": {
			args: free("--database-url=postgres://me:secret@127.0.0.1:1/orders"), code: exitFailed, lines: []string{"database orders at 127.0.0.1:1: it can't be reached"},
		},
		"unknown flag":    {args: free("--grpc-port=1"), code: exitUsage, lines: []string{"unknown flag --grpc-port"}},
		"unknown command": {args: []string{"sevre"}, code: exitUsage, lines: []string{"sevre"}},
		"a flag of the gateway for the server": {
			args: []string{"server", "--http-listen=:1"}, code: exitUsage, lines: []string{"unknown flag --http-listen"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if test.prepare != nil {
				test.prepare(t, dir)
			}
			before := names(t, dir)
			c := start(t, dir, test.args...)
			if code := c.exit(); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			checkLines(t, c, test.lines...)
			if after := names(t, dir); !slices.Equal(after, before) {
				t.Errorf("left behind %v, there was %v", after, before)
			}
			if strings.Contains(c.stderr.String(), "secret") {
				t.Error("the password of the database is shown")
			}
		})
	}
}

// checkLines expects these lines on stderr, in any order, and nothing else anywhere.
func checkLines(t *testing.T, c *child, want ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(c.stderr.String(), "\n"), "\n")
	if len(lines) != len(want) {
		t.Errorf("got %d lines, want %d:\n%s", len(lines), len(want), c.stderr)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, programName+": ") {
			t.Errorf("the line doesn't begin with the program: %q", line)
		}
	}
	for _, text := range want {
		if !strings.Contains(c.stderr.String(), text) {
			t.Errorf("nothing says %q:\n%s", text, c.stderr)
		}
	}
	if c.stdout.String() != "" {
		t.Errorf("wrote to stdout: %q", c.stdout)
	}
}

// TestStartFailsOnADamagedDataDirectory takes a good data directory and breaks one thing in it.
func TestStartFailsOnADamagedDataDirectory(t *testing.T) {
	good := t.TempDir()
	c := serveOn(t, good, "serve")
	c.signal(syscall.SIGTERM)
	if code := c.exit(); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, c.stderr)
	}
	remove := func(t *testing.T, path string) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		file  string
		spoil func(t *testing.T, path string)
		line  string
	}{
		"certificate":          {"server.crt", spoil, "server.crt"},
		"authority":            {"ca.crt", spoil, "ca.crt"},
		"lost key":             {"server.key", remove, "server.key is missing"},
		"token file":           {"tokens", spoil, "data/tokens: line 1"},
		"callers file":         {"callers.yaml", spoil, "data/callers.yaml"},
		"lost callers file":    {"callers.yaml", remove, "callers.yaml"},
		"development token":    {"token", spoil, "data/token does not hold a token"},
		"page token key":       {"page-token.key", spoil, "page-token.key does not hold 64"},
		"not a database":       {"orders.db", spoil, "orders.db"},
		"database, unreadable": {"orders.db", func(t *testing.T, path string) { remove(t, path); mkdir(t, path) }, "orders.db"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, filepath.Join(dir, "data", test.file))
			before := names(t, dir)
			c := start(t, dir, free()...)
			if code := c.exit(); code != exitFailed {
				t.Errorf("exit code %d, want %d", code, exitFailed)
			}
			checkLines(t, c, test.line)
			if after := names(t, dir); !slices.Equal(after, before) {
				t.Errorf("left behind %v, there was %v", after, before)
			}
		})
	}
}

func spoil(t *testing.T, path string) {
	t.Helper()
	writeTestFile(t, path, strings.Repeat("spoilt \x00", 100))
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestUnreadableDataDirectory runs as a user who may not enter the directory; root may enter any.
func TestUnreadableDataDirectory(t *testing.T) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	locked := filepath.Join(dir, "data")
	mkdir(t, locked)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(locked, 0)); err != nil {
		t.Fatal(err)
	}
	other := newChild(t, "/", free("--data-dir="+locked)...)
	if os.Geteuid() == 0 {
		other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	other.run()
	if code := other.exit(); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	checkLines(t, other, "permission denied; make it writable for this user, or choose another one with --data-dir")
}
