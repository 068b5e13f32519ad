package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Config says how to start a service.
type Config struct {
	Command string   // "serve" if empty; else "server" or "gateway"
	DataDir string   // a new one if empty
	GRPC    string   // address of the gRPC listener, of a service that ran before; a free one if empty
	Args    []string // more flags
	Env     []string // more variables, NAME=VALUE
	Open    bool     // neither TLS nor authentication: --tls=off --auth=off
	Wrapper []string // a command that executes the one that follows it in its own place, such as strace -D
}

// A Service is a running process of the program. The test that started it stops it at its end if nobody has before,
// and fails if it doesn't end well or has reported a data race.
type Service struct {
	GRPC, HTTP string // addresses; empty if the command doesn't listen there
	Admin      string // address
	DataDir    string
	open       bool

	process *os.Process
	output  *journal
	done    chan struct{} // closed when the process has ended
	err     error         // how it has ended, after done
	stopped bool
}

// Start starts a service and waits until it is ready.
func (p *Program) Start(t testing.TB, config Config) *Service {
	t.Helper()
	var err error
	for range startAttempts {
		s := p.launch(t, config)
		if err = s.awaitReady(t.Context()); err == nil {
			t.Cleanup(func() { s.end(t) })
			return s
		}
		s.process.Kill()
		<-s.done
		err = fmt.Errorf("%w\n%s", err, s.output.String())
		// Ports that were free can be taken by the time the process listens.
		if !strings.Contains(s.output.String(), "address already in use") {
			break
		}
	}
	t.Fatalf("the service doesn't start: %v", err)
	return nil
}

// Launch starts a service and doesn't wait.
func (p *Program) Launch(t testing.TB, config Config) *Service {
	t.Helper()
	s := p.launch(t, config)
	t.Cleanup(func() { s.end(t) })
	return s
}

func (p *Program) launch(t testing.TB, config Config) *Service {
	t.Helper()
	file, err := p.build()
	if err != nil {
		t.Fatal(err)
	}
	if config.DataDir == "" {
		config.DataDir = t.TempDir()
	}
	s := &Service{DataDir: config.DataDir, open: config.Open, output: &journal{}, done: make(chan struct{})}
	command := config.Command
	if command == "" {
		command = "serve"
	}
	args := append(config.Wrapper[:len(config.Wrapper):len(config.Wrapper)], file, command, "--data-dir="+config.DataDir)
	for flag, address := range s.listeners(command) {
		if *address = config.GRPC; flag != "--grpc-listen" || config.GRPC == "" {
			*address = freeAddress(t)
		}
		args = append(args, flag+"="+*address)
	}
	if config.Open {
		args = append(args, "--tls=off", "--auth=off")
	}
	child := exec.Command(args[0], append(args[1:], config.Args...)...)
	child.Env, child.Stdout, child.Stderr = append(environment(), config.Env...), s.output, s.output
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = child.Process
	go func() {
		s.err = child.Wait()
		close(s.done)
	}()
	return s
}

// listeners are the flags of a command's listeners, and where their addresses are kept.
func (s *Service) listeners(command string) map[string]*string {
	flags := map[string]*string{"--grpc-listen": &s.GRPC, "--http-listen": &s.HTTP, "--admin-listen": &s.Admin}
	switch command {
	case "server":
		delete(flags, "--http-listen")
	case "gateway":
		delete(flags, "--grpc-listen")
	}
	return flags
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

var errEnded = errors.New("it has ended")

func (s *Service) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	probe := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ready := get(ctx, probe, "http://"+s.Admin+"/readyz")
		select {
		case <-s.done:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("not ready within %v: %w", startLimit, ready)
		case <-tick.C:
		}
		if ready == nil {
			return nil
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// Output is what the process has printed so far, its log included.
func (s *Service) Output() string { return s.output.String() }

// Terminate asks the process to end (SIGTERM) and doesn't wait: the test does, by Ended.
func (s *Service) Terminate(t testing.TB) {
	t.Helper()
	s.stopped = true
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

// Ended waits for the end of a process that was terminated or ends by itself, and answers how it has ended: nil if with 0.
func (s *Service) Ended(t testing.TB) error {
	t.Helper()
	select {
	case <-s.done:
		return s.err
	case <-time.After(stopLimit):
		s.process.Signal(syscall.SIGQUIT) // prints where its goroutines are
		<-s.done
		t.Errorf("still running after %v", stopLimit)
		return s.err
	}
}

// Stop asks the process to end (SIGTERM) and waits for it: the test fails unless it exits with 0 in time.
func (s *Service) Stop(t testing.TB) {
	t.Helper()
	s.Terminate(t)
	if err := s.Ended(t); err != nil {
		t.Errorf("stopped with SIGTERM: %v", err)
	}
}

// Kill ends the process at once (SIGKILL).
func (s *Service) Kill(t testing.TB) {
	t.Helper()
	s.stopped = true
	select {
	case <-s.done:
		t.Errorf("ended by itself before it was killed: %v", s.err)
		return
	default:
	}
	if err := s.process.Kill(); err != nil {
		t.Errorf("SIGKILL: %v", err)
	}
	<-s.done
}

// Hang has the process stand still (SIGSTOP): its connections stay open, and nothing answers. Resume it before the test ends.
func (s *Service) Hang(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Resume lets a process go on that hangs.
func (s *Service) Resume(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Service) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := s.process.Signal(signal); err != nil {
		t.Errorf("%v: %v", signal, err)
	}
}

func (s *Service) end(t testing.TB) {
	if !s.stopped {
		s.Stop(t)
	}
	if strings.Contains(s.output.String(), raceReport) {
		t.Error("data race in the service")
	}
	if t.Failed() {
		t.Logf("output of the service:\n%s", tail(s.output.String()))
	}
}

// tail is the end of an output, or all of it if a race is reported somewhere.
func tail(text string) string {
	if len(text) <= tailBytes || strings.Contains(text, raceReport) {
		return text
	}
	_, whole, _ := strings.Cut(text[len(text)-tailBytes:], "\n")
	return "…\n" + whole
}

// journal collects output while it is read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
