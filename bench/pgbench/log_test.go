package pgbench

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func at(seconds int64, micros int64) time.Time { return time.Unix(seconds, micros*1000) }

func TestReadLogs(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "log")
	for name, text := range map[string]string{
		".7":   "0 1 1500 0 100 20\n1 1 250 0 100 999999\n",
		".7.1": "2 1 10 0 101 0\n",
	} {
		if err := os.WriteFile(prefix+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readLogs(prefix)
	want := []transaction{
		{at(100, 20), 1500 * time.Microsecond}, {at(100, 999999), 250 * time.Microsecond}, {at(101, 0), 10 * time.Microsecond},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for _, wrong := range []string{"", "0 1 failed 0 100 20", "0 1 1500 0 100", "0 1 -5 0 100 20", "0 1 1500 0 100 20 3"} {
		if err := os.WriteFile(prefix+".7", []byte(wrong+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readLogs(prefix); err == nil {
			t.Errorf("%q passes", wrong)
		}
	}
}

// TestSlice: what has ended before the sessions were settled does not count, and the time until then neither.
func TestSlice(t *testing.T) {
	took := 100 * time.Millisecond
	all := []transaction{
		{at(12, 0), took},
		{at(10, 100_000), took}, // begins first, at 10
		{at(10, 500_000), took},
		{at(10, 500_001), took},
	}
	got, err := slice(all)
	if err != nil || got.Requests != 2 || got.Elapsed != 2*time.Second-settle || !slices.Equal(got.Latencies, []time.Duration{took, took}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, none := range [][]transaction{nil, all[1:3]} {
		if got, err := slice(none); err == nil {
			t.Errorf("%v makes %+v", none, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("0 1 1500 0 100 20")
	f.Add("0 1 failed 0 100 20")
	f.Fuzz(func(t *testing.T, line string) {
		got, err := parse(line)
		if err == nil && got.took < 0 {
			t.Errorf("%q took %v", line, got.took)
		}
	})
}
