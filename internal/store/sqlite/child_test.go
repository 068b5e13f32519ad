package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/internal/store/storetest"
)

// The test binary runs itself as a child process, which opens the database that childPath names and does what childMode says.
const (
	childMode     = "STORE_TEST_CHILD"
	childPath     = "STORE_TEST_PATH"
	childApplies  = "applies"  // writes without end, and acknowledges each write on a line of its own
	childFillsUp  = "fills up" // writes until the disk is full, and goes on when it is not any more
	childWriters  = 8          // goroutines that write
	childComplete = "complete" // the last line of a child that ends by itself
)

func child(mode string) {
	store, err := sqlite.Open(context.Background(), sqlite.Options{Path: os.Getenv(childPath)})
	if err == nil {
		switch mode {
		case childApplies:
			err = apply(store, os.Getpid())
		case childFillsUp:
			err = errors.Join(fillUp(store, os.Getenv(childPath)), store.Close())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(childComplete)
}

// written is the change by which a child makes a version of an order.
func written(id string, version int64) *order.Change {
	o := storetest.Order(id)
	o.Version, o.Description = version, fmt.Sprint("version ", version, " of ", id)
	change := storetest.Orders("t", o)
	change.Key = storetest.Key(fmt.Sprint(id, "@", version))
	return change
}

func apply(store order.Store, run int) error {
	failed := make(chan error)
	for writer := range childWriters {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", run, writer, i)
				for version := int64(1); version <= 3; version++ {
					if err := store.Apply(context.Background(), written(id, version)); err != nil {
						failed <- err
						return
					}
					// One write each, so that lines don't mix.
					if _, err := os.Stdout.WriteString(fmt.Sprintln(id, version)); err != nil {
						failed <- err
						return
					}
				}
			}
		}()
	}
	return <-failed
}

// fillUp limits how large files can become; the file system then answers as a full disk does, with an error of writing.
func fillUp(store order.Store, path string) error {
	ctx := context.Background()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	limit := before
	info, err := os.Stat(path + "-wal")
	if err != nil {
		return err
	}
	limit.Cur = uint64(info.Size()) + 256<<10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	answers := map[string]error{}
	failures := 0
	for i := 0; failures < 5; i++ {
		id := fmt.Sprint("o", i)
		answers[id] = store.Apply(ctx, written(id, 1))
		if answers[id] != nil {
			failures++
			if !errors.Is(answers[id], order.ErrUnavailable) {
				return fmt.Errorf("on a full disk: %w", answers[id])
			}
		}
		if i > 10_000 {
			return errors.New("the disk never was full")
		}
	}
	check := func() error {
		for id, answer := range answers {
			_, err := store.Orders().Get(ctx, "t", id)
			_, keyErr := store.Outcome(ctx, "t", written(id, 1).Key.Hash, storetest.Epoch)
			if (answer == nil) != (err == nil) || (answer == nil) != (keyErr == nil) {
				return fmt.Errorf("%s: answered %w, but Get: %w, Outcome: %w", id, answer, err, keyErr)
			}
		}
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	for id, answer := range answers {
		if answer == nil {
			continue
		}
		if answers[id] = store.Apply(ctx, written(id, 1)); answers[id] != nil {
			return fmt.Errorf("after there was room again: %w", answers[id])
		}
	}
	return check()
}

// process is a running child.
type process struct {
	command *exec.Cmd
	lines   *bufio.Scanner
	stderr  strings.Builder
}

func startChild(t *testing.T, mode, path string) *process {
	t.Helper()
	p := &process{command: exec.Command(os.Args[0])}
	p.command.Env = append(os.Environ(), childMode+"="+mode, childPath+"="+path)
	p.command.Stderr = &p.stderr
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(io.Reader(out))
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.command.Process.Kill() })
	return p
}

// acknowledged reads so many lines.
func (p *process) acknowledged(t *testing.T, count int) []string {
	t.Helper()
	var lines []string
	for len(lines) < count {
		if !p.lines.Scan() {
			t.Fatalf("the child ended: %v; %s", p.command.Wait(), &p.stderr)
		}
		lines = append(lines, p.lines.Text())
	}
	return lines
}

// kill ends the child with SIGKILL, and reads what it has still written.
func (p *process) kill(t *testing.T) []string {
	t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for p.lines.Scan() {
		lines = append(lines, p.lines.Text())
	}
	var exit *exec.ExitError
	if err := p.command.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v; %s", err, &p.stderr)
	}
	return lines
}
