// Package pgbench makes PostgreSQL's own load generator one of the contestants: a program in C that sends prepared
// statements and throws the answers away, so that what it reaches is what the database can do for so many clients that
// each wait for the answer before they send again.
package pgbench

import (
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"ordermanagement/bench/load"
)

// settle is the time at the beginning of each run that doesn't count. Ours is connected as long as a row takes, but every
// run of pgbench connects anew: its sessions read the catalogue and prepare the statement first.
const settle = 500 * time.Millisecond

// Bench is what pgbench does again and again.
type Bench struct {
	Program   string
	URL       string            // of the database
	Directory string            // for the script and for logs
	Script    string            // one statement, and meta commands of pgbench
	Variables map[string]string // of the script; they are sent with every execution
	Clients   int

	made int // transactions of all runs
}

// Run runs pgbench for as long as the duration says, and a while before that, which doesn't count.
func (b *Bench) Run(ctx context.Context, duration time.Duration) (load.Slice, error) {
	dir, err := os.MkdirTemp(b.Directory, "pgbench-")
	if err != nil {
		return load.Slice{}, err
	}
	defer os.RemoveAll(dir) // what is left goes with the directory around it
	script, prefix := filepath.Join(dir, "script.sql"), filepath.Join(dir, "log")
	if err := os.WriteFile(script, []byte(b.Script), 0o600); err != nil {
		return load.Slice{}, err
	}
	command := exec.CommandContext(ctx, b.Program, b.arguments(script, prefix, duration)...)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if output, err := command.CombinedOutput(); err != nil {
		return load.Slice{}, fmt.Errorf("pgbench: %w\n%s", err, output)
	}
	all, err := readLogs(prefix)
	if err != nil {
		return load.Slice{}, err
	}
	b.made += len(all)
	return slice(all)
}

// Made is how many transactions all runs have made, those that don't count too.
func (b *Bench) Made() int { return b.made }

func (b *Bench) arguments(script, logPrefix string, duration time.Duration) []string {
	args := []string{
		"--no-vacuum", "--protocol=prepared", "--file=" + script, "--log", "--log-prefix=" + logPrefix,
		"--client=" + strconv.Itoa(b.Clients), "--jobs=" + strconv.Itoa(min(b.Clients, runtime.NumCPU())),
		"--time=" + strconv.Itoa(int(math.Ceil((settle + duration).Seconds()))),
	}
	for _, name := range slices.Sorted(maps.Keys(b.Variables)) {
		args = append(args, "--define="+name+"="+b.Variables[name])
	}
	return append(args, b.URL)
}

// slice counts the transactions that ended after the time to settle.
func slice(all []transaction) (load.Slice, error) {
	if len(all) == 0 {
		return load.Slice{}, fmt.Errorf("pgbench has made no transaction")
	}
	begin, end := all[0].end.Add(-all[0].took), all[0].end
	for _, t := range all {
		if start := t.end.Add(-t.took); start.Before(begin) {
			begin = start
		}
		if t.end.After(end) {
			end = t.end
		}
	}
	begin = begin.Add(settle)
	s := load.Slice{Elapsed: end.Sub(begin)}
	for _, t := range all {
		if t.end.After(begin) {
			s.Latencies = append(s.Latencies, t.took)
		}
	}
	if s.Requests = len(s.Latencies); s.Requests == 0 {
		return load.Slice{}, fmt.Errorf("pgbench has made all transactions within %v", settle)
	}
	return s, nil
}
