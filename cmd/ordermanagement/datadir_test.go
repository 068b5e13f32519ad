package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFirstAndSecondStart(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	first := serveOn(t, dir, "serve", "--sample-data")
	made := map[string][]byte{}
	modes := map[string]fs.FileMode{"ca.crt": 0o644, "server.crt": 0o644, "gateway.crt": 0o644}
	entries, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		want, public := modes[entry.Name()]
		if !public {
			want = 0o600
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", entry.Name(), info.Mode(), want)
		}
		if !strings.HasPrefix(entry.Name(), databaseName) {
			if made[entry.Name()], err = os.ReadFile(filepath.Join(data, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"ca.crt", "ca.key", "server.crt", "server.key", "gateway.crt", "gateway.key", "token", "tokens", "callers.yaml", "page-token.key"} {
		if len(made[name]) == 0 {
			t.Errorf("%s is missing or empty", name)
		}
	}
	info, err := os.Stat(data)
	if err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("the data directory has mode %v, %v", info.Mode(), err)
	}
	token := strings.TrimSpace(string(made["token"]))
	if shown := first.stdout.String() + first.stderr.String(); strings.Contains(shown, token) {
		t.Errorf("the token is shown:\n%s", shown)
	}
	if bytes.Contains(made["tokens"], []byte(token)) {
		t.Error("the token file holds the token, not its hash")
	}
	first.signal(syscall.SIGTERM)
	if code := first.exit(); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, first.stderr)
	}

	second := serveOn(t, dir, "serve", "--sample-data")
	for name, before := range made {
		after, err := os.ReadFile(filepath.Join(data, name))
		if err != nil || !bytes.Equal(after, before) {
			t.Errorf("the second start changed %s: %v", name, err)
		}
	}
	checkOrder(t, second, data)
}

// TestHalfMadeTokenFilesHeal removes what a start that was killed would not have written yet.
func TestHalfMadeTokenFilesHeal(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	c := serveOn(t, dir, "serve", "--sample-data")
	c.signal(syscall.SIGTERM)
	c.exit()
	for _, missing := range [][]string{{"tokens"}, {"tokens", "callers.yaml"}, {"tokens", "callers.yaml", "token"}, {"page-token.key"}} {
		t.Run(strings.Join(missing, " "), func(t *testing.T) {
			for _, name := range missing {
				if err := os.Remove(filepath.Join(data, name)); err != nil {
					t.Fatal(err)
				}
			}
			again := serveOn(t, dir, "serve")
			checkOrder(t, again, data)
			again.signal(syscall.SIGTERM)
			if code := again.exit(); code != exitOK {
				t.Errorf("exit code %d:\n%s", code, again.stderr)
			}
		})
	}
}
