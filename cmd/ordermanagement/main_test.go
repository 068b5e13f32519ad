package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for what should happen soon.
const patience = 30 * time.Second

// binaryVariable names the program under test, which TestMain builds once.
const binaryVariable = "TEST_PROGRAM"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", programName)
	if err != nil {
		panic(err)
	}
	binary := filepath.Join(dir, programName)
	build := exec.Command("go", "build", raceFlag, "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the program under test:", err)
		os.Exit(1)
	}
	// Another user runs it too, in the tests about permissions.
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	os.Setenv(binaryVariable, binary)
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// child is the program as a process of its own.
type child struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr *output
	ended          chan struct{}
	err            error // of Wait; after ended
}

// start starts the program in a directory. It is killed at the end of the test, if it still runs.
func start(t *testing.T, dir string, args ...string) *child {
	t.Helper()
	c := newChild(t, dir, args...)
	c.run()
	return c
}

func newChild(t *testing.T, dir string, args ...string) *child {
	c := &child{Cmd: exec.Command(os.Getenv(binaryVariable), args...), t: t,
		stdout: newOutput(), stderr: newOutput(), ended: make(chan struct{})}
	c.Dir, c.Stdout, c.Stderr = dir, c.stdout, c.stderr
	return c
}

func (c *child) run() {
	c.t.Helper()
	if err := c.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		c.err = c.Wait()
	}()
	c.t.Cleanup(func() {
		_ = c.Process.Kill()
		<-c.ended
	})
}

// serveOn starts a process that serves, on free ports of its own, and waits until it does.
func serveOn(t *testing.T, dir, command string, args ...string) *child {
	t.Helper()
	all := []string{command, "--log-format=json", "--admin-listen=127.0.0.1:0"}
	if command != "gateway" {
		all = append(all, "--grpc-listen=127.0.0.1:0")
	}
	if command != "server" {
		all = append(all, "--http-listen=127.0.0.1:0")
	}
	c := start(t, dir, append(all, args...)...)
	c.stderr.waitFor(t, c, `"msg":"serving"`)
	return c
}

// exit waits for the end and answers the exit code; -1 if a signal has ended the process.
func (c *child) exit() int {
	c.t.Helper()
	select {
	case <-c.ended:
		return c.ProcessState.ExitCode()
	case <-time.After(patience):
		c.t.Fatalf("still running; stderr:\n%s", c.stderr)
		return 0
	}
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// address is where the process serves, by the name of the flag.
func (c *child) address(flag string) string {
	c.t.Helper()
	_, rest, found := strings.Cut(c.stderr.String(), `"`+flag+`":"`)
	if !found {
		c.t.Fatalf("no address of %s in the log:\n%s", flag, c.stderr)
	}
	return rest[:strings.IndexByte(rest, '"')]
}

// output collects what a process writes, and tells who waits.
type output struct {
	written chan struct{} // has one element after something was written
	mu      sync.Mutex
	buffer  bytes.Buffer
}

func newOutput() *output { return &output{written: make(chan struct{}, 1)} }

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.written <- struct{}{}:
	default:
	}
	return o.buffer.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

func (o *output) waitFor(t *testing.T, c *child, text string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(o.String(), text) {
		select {
		case <-o.written:
		case <-c.ended:
			if !strings.Contains(o.String(), text) {
				t.Fatalf("ended without writing %q:\n%s", text, o)
			}
		case <-deadline:
			t.Fatalf("nothing wrote %q:\n%s", text, o)
		}
	}
}
