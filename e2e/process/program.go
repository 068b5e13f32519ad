// Package process runs the program the way operators do, for tests: built with the race detector, started as a child
// process on loopback ports, waited for, spoken to, and stopped or killed.
//
// A test package owns one Program:
//
//	var program = process.NewProgram()
//
//	func TestMain(m *testing.M) { program.Main(m) }
//
//	func TestIt(t *testing.T) {
//		service := program.Start(t, process.Config{Args: []string{"--sample-data"}})
//		connection := service.Dial(t)
//		...
//	}
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// How long things may take on a busy machine; nothing waits that long when all is well.
const (
	runLimit   = time.Minute      // for a command that ends by itself
	startLimit = time.Minute      // until a service is ready
	stopLimit  = 45 * time.Second // from SIGTERM to the exit
	pollEvery  = 10 * time.Millisecond
)

// startAttempts is how often a service is started anew because somebody took a port that it was given.
const startAttempts = 5

// tailBytes is how much of a service's output the report of a failed test shows.
const tailBytes = 4 << 10

// raceReport is how the race detector begins a report.
const raceReport = "WARNING: DATA RACE"

// A Program is the program of this module, built when it is first needed.
type Program struct {
	build func() (file string, err error)
	dir   string // where it is built, once it is
}

// NewProgram makes the program of a test package, which gives it to TestMain through [Program.Main].
func NewProgram() *Program {
	p := &Program{}
	p.build = sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "ordermanagement-e2e-")
		if err != nil {
			return "", err
		}
		p.dir = dir
		file := filepath.Join(dir, "ordermanagement")
		output, err := exec.Command("go", "build", "-race", "-o", file, "ordermanagement/cmd/ordermanagement").CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("building the program: %w\n%s", err, output)
		}
		return file, nil
	})
	return p
}

// Main is the TestMain of a package: it builds the program, runs the tests, looks for leaked goroutines and removes
// the program.
func (p *Program) Main(m goleak.TestingM) {
	if _, err := p.build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.RemoveAll(p.dir)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(p.dir)
		os.Exit(code)
	}))
}

// Run runs the program until it ends by itself, and answers its exit code and all it printed.
func (p *Program) Run(t testing.TB, args ...string) (code int, output string) {
	t.Helper()
	file, err := p.build()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	var printed bytes.Buffer
	command := exec.CommandContext(ctx, file, args...)
	command.Env, command.Stdout, command.Stderr = environment(), &printed, &printed
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s: %v, %v\n%s", strings.Join(args, " "), err, ctx.Err(), &printed)
	}
	if strings.Contains(printed.String(), raceReport) {
		t.Fatalf("%s: data race\n%s", strings.Join(args, " "), &printed)
	}
	return command.ProcessState.ExitCode(), printed.String()
}

// environment is the caller's without settings of the program and of OpenTelemetry, and with a race detector that ends the process at a
// race, and doesn't wait for races at its end.
func environment() []string {
	inherited := slices.DeleteFunc(os.Environ(), func(setting string) bool {
		return strings.HasPrefix(setting, "ORDERMANAGEMENT_") || strings.HasPrefix(setting, "OTEL_") || strings.HasPrefix(setting, "GORACE=")
	})
	return append(inherited, "GORACE=halt_on_error=1 atexit_sleep_ms=0")
}
