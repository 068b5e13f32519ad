package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// limit is how long a test waits for what happens at once.
const limit = 30 * time.Second

func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start(filepath.Join(t.TempDir(), "log"), "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

var errLittle = errors.New("too little")

func TestCPUIsThatOfTheProcess(t *testing.T) {
	busy, idle := start(t, "while :; do :; done"), start(t, "exec sleep 60")
	const enough = 50 * time.Millisecond
	err := busy.Await(within(t), time.Millisecond, func() error {
		if used, err := busy.CPU(); err != nil || used < enough {
			return errors.Join(err, errLittle)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	used, err := busy.CPU()
	if err != nil {
		t.Fatal(err)
	}
	busy.Kill()
	// What the kernel says at its end, when it says it in another way.
	state := busy.command.ProcessState
	if total := state.UserTime() + state.SystemTime(); used > total {
		t.Errorf("it had used %v, and %v in all", used, total)
	}
	if used, err := idle.CPU(); err != nil || used >= enough {
		t.Errorf("a process that waits: %v, %v", used, err)
	}
	if _, err := busy.CPU(); err == nil {
		t.Error("a process that has ended has a clock")
	}
}

func TestMemory(t *testing.T) {
	m, err := start(t, "exec sleep 60").Memory()
	if err != nil {
		t.Fatal(err)
	}
	if m.Resident <= 0 || m.Peak < m.Resident {
		t.Errorf("%+v", m)
	}
}

func TestParseMemory(t *testing.T) {
	got, err := parseMemory([]byte("Name:\tx\nVmHWM:\t   20 kB\nVmRSS:\t   12 kB\n"))
	if want := (Memory{Resident: 12 << 10, Peak: 20 << 10}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, status := range []string{"", "VmHWM:\t20 kB\n", "VmHWM:\t20 kB\nVmRSS:\tx kB\n", "VmHWM:\t20 MB\nVmRSS:\t1 kB\n"} {
		if _, err := parseMemory([]byte(status)); err == nil {
			t.Errorf("%q is a status", status)
		}
	}
}

func TestAwaitSaysWhyAProcessEnded(t *testing.T) {
	p := start(t, "echo no such port; exit 3")
	err := p.Await(within(t), time.Millisecond, func() error { return errLittle })
	if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "no such port") || !strings.Contains(err.Error(), "exit status 3") {
		t.Error(err)
	}
	if err := p.Stop(); !errors.Is(err, ErrEnded) {
		t.Errorf("stopping what has ended: %v", err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := start(t, "exec sleep 60").Await(ctx, time.Millisecond, func() error { return errLittle })
	if !errors.Is(err, context.Canceled) || !errors.Is(err, errLittle) {
		t.Error(err)
	}
}

func TestStopAsks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stopped")
	p := start(t, `trap 'touch "`+file+`"; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
	err := p.Await(within(t), time.Millisecond, func() error {
		if log, err := os.ReadFile(p.log); err != nil || len(log) == 0 {
			return errors.Join(err, errLittle)
		}
		return nil
	})
	if err := errors.Join(err, p.Stop()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestEnvironmentHasNoSettings(t *testing.T) {
	got := environment([]string{"HOME=/", "GOGC=400", "GOMEMLIMIT=1", "GOMAXPROCS=1", "GODEBUG=x=1", "ORDERMANAGEMENT_TLS=off", "ETCD_NAME=x", "GOGCX=1"})
	if want := []string{"HOME=/", "GOGCX=1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
