package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/lifecycle"
)

// TestServeInThisProcess leaves no goroutine behind, which goleak sees at the end of all tests.
func TestServeInThisProcess(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	stdout, stderr := newOutput(), newOutput()
	c := &child{t: t, stdout: stdout, stderr: stderr, ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		p := program{ctx: ctx, stdout: stdout, stderr: stderr, problems: &problems{}}
		c.err = runCommand(p, free("--data-dir="+data, "--sample-data", "--log-format=json"))
	}()
	stderr.waitFor(t, c, `"msg":"serving"`)
	checkOrder(t, c, data)
	stop()
	<-c.ended
	if c.err != nil {
		t.Errorf("got %v:\n%s", c.err, stderr)
	}
}

func TestAFailedTaskEndsTheProcess(t *testing.T) {
	broken := errors.New("broken")
	p := newProcess(&program{ctx: t.Context(), stderr: newOutput()}, &settings{})
	var cleaned bool
	running := make(chan struct{})
	p.tasks = append(p.tasks,
		func(context.Context) error { return broken },
		func(context.Context) error { <-running; return nil })
	p.cleanups.Push(lifecycle.Cleanup{Name: "the other task", Limit: patience, Stop: func(context.Context) error {
		cleaned = true
		close(running)
		return nil
	}})
	if err := p.run(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if !cleaned {
		t.Error("nothing was stopped")
	}
}

func TestMaintenance(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for name, test := range map[string]struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"version":               {args: []string{"version"}, stdout: programName + " "},
		"version as a flag":     {args: []string{"--version"}, stdout: programName + " "},
		"help as a command":     {args: []string{"help", "serve"}, code: -1},
		"help":                  {args: []string{"serve", "--help"}, code: -1},
		"migrate":               {args: []string{"migrate", "--data-dir=" + data}, stderr: "the schema is up to date"},
		"migrate again":         {args: []string{"migrate", "--data-dir=" + data}, stderr: "the schema is up to date"},
		"migrate another":       {args: []string{"migrate", "--database-url=postgres://me:secret@127.0.0.1:1/orders"}, code: exitFailed, stderr: "database orders at 127.0.0.1:1: it can't be reached"},
		"certificates":          {args: []string{"certs", "init", "--data-dir=" + data, "orders.example.com"}, stdout: "authority: " + filepath.Join(data, "ca.crt")},
		"certificates, no host": {args: []string{"certs", "init", "--data-dir=" + data, "a b"}, code: exitFailed, stderr: `"a b"`},
	} {
		t.Run(name, func(t *testing.T) {
			if test.code == -1 { // kong ends the process
				c := start(t, t.TempDir(), test.args...)
				if code := c.exit(); code != exitOK || !strings.Contains(c.stdout.String(), "--grpc-listen") {
					t.Errorf("exit code %d, %s", code, c.stdout)
				}
				return
			}
			code, stdout, stderr := runHere(t, "", test.args...)
			if code != test.code || !strings.Contains(stdout, test.stdout) || !strings.Contains(stderr, test.stderr) {
				t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
			}
		})
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"data/ca.crt": "data/ca.crt", "my data/ca.crt": "'my data/ca.crt'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "": "''",
	} {
		if got := quote(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}
