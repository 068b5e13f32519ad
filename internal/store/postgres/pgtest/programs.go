package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// Debian keeps the programs of each major version in a folder of its own, none of which is on the path.
	versions = "/usr/lib/postgresql/*/bin"
	// patience is how long a program may take to start or stop.
	patience = 30 * time.Second
	// pause is the time between two looks at a program that starts.
	pause = 20 * time.Millisecond
)

// programs is the folder of PostgreSQL's programs, of the newest version there is.
func programs() (string, error) {
	found, err := filepath.Glob(filepath.Join(versions, "postgres"))
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no PostgreSQL in %s: install it (on Debian: apt-get install postgresql)", versions)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// running is a program that was started and has not been waited for.
type running struct {
	command *exec.Cmd
	log     *os.File
	ended   chan struct{}
}

// run starts a program that writes to the log.
func (a account) run(log, name string, args ...string) (*running, error) {
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	r := &running{command: exec.Command(name, args...), log: file, ended: make(chan struct{})}
	r.command.Stdout, r.command.Stderr = file, file
	r.command.Dir = filepath.Dir(log)
	r.command.SysProcAttr = a.attributes()
	if err := r.command.Start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	go func() {
		defer close(r.ended)
		_ = r.command.Wait()
		_ = file.Close()
	}()
	return r, nil
}

// complete runs a program to its end.
func (a account) complete(ctx context.Context, directory, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = directory
	command.SysProcAttr = a.attributes()
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, output)
	}
	return nil
}

// stop sends the signal and waits for the end. It kills what doesn't end.
func (r *running) stop(signal syscall.Signal) error {
	_ = r.command.Process.Signal(signal)
	select {
	case <-r.ended:
		return nil
	case <-time.After(patience):
		_ = r.command.Process.Kill()
		<-r.ended
		return fmt.Errorf("%s has not stopped within %s", filepath.Base(r.command.Path), patience)
	}
}

// tree is the process and its children, parents first.
func (r *running) tree() []int {
	pids := []int{r.command.Process.Pid}
	parent := strconv.Itoa(pids[0])
	list, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range list {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …; the name may hold anything.
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == parent {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// freePort is a TCP port of the loopback address that nobody listens on.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}
