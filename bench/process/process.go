// Package process runs contestants as child processes and reads what the kernel accounts to them.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// stopLimit is how long a process has to end after SIGTERM before it is killed.
const stopLimit = 20 * time.Second

// StartLimit is how long a program has to start.
const StartLimit = time.Minute

// logTail is how much of a process's output an error shows, in bytes.
const logTail = 2 << 10

// A Process is a running child.
type Process struct {
	command *exec.Cmd
	log     string
	done    chan struct{} // closed when it has ended
	err     error         // how it has ended, after done
}

// Start starts a program. Its output goes to a file, as the log of a service does: a pipe would make the load generator
// read it. The environment has none of the Go runtime's settings, so that every contestant runs with its own defaults.
func Start(log, program string, args ...string) (*Process, error) {
	output, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer output.Close()
	p := &Process{command: exec.Command(program, args...), log: log, done: make(chan struct{})}
	p.command.Env, p.command.Stdout, p.command.Stderr = environment(os.Environ()), output, output
	// A harness that dies leaves nobody behind.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.command.Wait()
		close(p.done)
	}()
	return p, nil
}

// environment is the caller's without what changes how a contestant runs.
func environment(inherited []string) []string {
	return slices.DeleteFunc(slices.Clone(inherited), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		switch name {
		case "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG", "GOTRACEBACK":
			return true
		}
		return strings.HasPrefix(name, "ORDERMANAGEMENT_") || strings.HasPrefix(name, "ETCD_")
	})
}

// ErrEnded says that a process has ended by itself.
var ErrEnded = errors.New("the process has ended")

// Await repeats an attempt until it succeeds. It fails when the process ends, or when the context does.
func (p *Process) Await(ctx context.Context, interval time.Duration, attempt func() error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.explain(fmt.Errorf("%w: %v", ErrEnded, p.err))
		case <-ctx.Done():
			return p.explain(fmt.Errorf("%w; the last attempt: %w", ctx.Err(), err))
		case <-tick.C:
		}
	}
}

// Stop asks the process to end and waits for it.
func (p *Process) Stop() error {
	select {
	case <-p.done:
		return p.explain(fmt.Errorf("%w: %v", ErrEnded, p.err))
	default:
	}
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopLimit):
		p.Kill()
		return p.explain(fmt.Errorf("still running %v after SIGTERM", stopLimit))
	}
}

// Kill ends the process at once and waits for it.
func (p *Process) Kill() {
	p.command.Process.Kill() // fails only if it has ended already
	<-p.done
}

// explain adds the end of the output to an error.
func (p *Process) explain(err error) error {
	output, readErr := os.ReadFile(p.log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	output = output[max(0, len(output)-logTail):]
	return fmt.Errorf("%s: %w\n%s", p.command.Path, err, output)
}
