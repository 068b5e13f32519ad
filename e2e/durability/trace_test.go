package durability

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A trace is strace's record of a service's fsync and fdatasync calls.
type trace struct {
	file    string
	wrapper []string // runs what follows it under strace
}

// traceSyncs prepares a trace. With -D the tracer is the process's child, not its parent, so that signals and exit codes
// are the service's own.
func traceSyncs(t *testing.T) trace {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("this test counts the service's fsync calls with strace: install it, e.g. apt-get install strace")
	}
	file := filepath.Join(t.TempDir(), "strace")
	return trace{file, []string{strace, "-D", "-f", "--seccomp-bpf", "-y", "-ttt", "-T", "-s", "0",
		"-e", "trace=fsync,fdatasync", "-e", "signal=none", "-o", file}}
}

// A span is when something began and when it had ended, by the clock of this machine.
type span struct{ begin, end time.Time }

func (s span) within(outer span) bool { return !s.begin.Before(outer.begin) && !s.end.After(outer.end) }

// The lines of a call that was traced without another in between, and of one with. The time at the beginning of a line
// is when it was written; the one at its end is how long the call took.
var (
	wholeCall = regexp.MustCompile(`^(\d+) +(\d+\.\d+) (?:fsync|fdatasync)\(\d+<(.*)>\) += 0 <(\d+\.\d+)>$`)
	callBegin = regexp.MustCompile(`^(\d+) +(\d+\.\d+) (?:fsync|fdatasync)\(\d+<(.*)> <unfinished \.\.\.>$`)
	callEnd   = regexp.MustCompile(`^(\d+) +(\d+\.\d+) <\.\.\. (?:fsync|fdatasync) resumed>\) += 0 <(\d+\.\d+)>$`)
)

// syncs reads the successful syncs of the file with the suffix. It is to be called after the service has ended.
func (tr trace) syncs(t *testing.T, suffix string) []span {
	t.Helper()
	file, err := os.Open(tr.file)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	type call struct {
		path  string
		begin time.Time
	}
	open := make(map[string]call) // by thread
	var all []span
	add := func(path string, s span) {
		if strings.HasSuffix(path, suffix) {
			all = append(all, s)
		}
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if m := wholeCall.FindStringSubmatch(line); m != nil {
			begin := seconds(t, m[2])
			add(m[3], span{time.Unix(0, begin), time.Unix(0, begin+seconds(t, m[4]))})
		} else if m := callBegin.FindStringSubmatch(line); m != nil {
			open[m[1]] = call{m[3], time.Unix(0, seconds(t, m[2]))}
		} else if m := callEnd.FindStringSubmatch(line); m != nil {
			add(open[m[1]].path, span{open[m[1]].begin, time.Unix(0, seconds(t, m[2]))})
			delete(open, m[1])
		} else if strings.Contains(line, "sync") {
			t.Errorf("a sync that failed, or that isn't understood: %s", line)
		}
	}
	return all
}

// seconds reads a number of seconds with six decimals as nanoseconds.
func seconds(t *testing.T, text string) int64 {
	t.Helper()
	whole, fraction, _ := strings.Cut(text, ".")
	microseconds, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || len(fraction) != 6 {
		t.Fatalf("%s is not a time with microseconds: %v", text, err)
	}
	return microseconds * int64(time.Microsecond)
}
