package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is what a log is written to.
type sink struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Lines are written whole and in their order, whoever writes them, few writes for many; none is lost.
func TestBufferedLog(t *testing.T) {
	const writers, each = 8, 2000
	out := &sink{}
	buffered := newBufferedLog(out, logSettings{LogLevel: "info"})
	log := slog.New(buffered).With("in", "test")
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				log.Info("line", "writer", w, "number", i)
			}
		})
	}
	group.Wait()
	buffered.lines.flush()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != writers*each || out.writes > len(lines)/10 {
		t.Errorf("%d lines in %d writes", len(lines), out.writes)
	}
	next := make([]int, writers)
	for _, line := range lines {
		var w, i int
		if _, err := fmt.Sscanf(line[strings.Index(line, "in=test"):], "in=test writer=%d number=%d", &w, &i); err != nil || next[w] != i {
			t.Fatalf("after %d of writer %d: %q, %v", next[w]-1, w, line, err)
		}
		next[w]++
	}
}

func TestBufferedLogWaitsForNoWarning(t *testing.T) {
	out := &sink{}
	log := slog.New(newBufferedLog(out, logSettings{LogLevel: "info"}))
	log.Info("before")
	log.Warn("danger")
	if text := out.String(); !strings.Contains(text, "before") || !strings.Contains(text, "danger") {
		t.Errorf("written so far: %q", text)
	}
}

func TestBufferedLogIsWrittenSoon(t *testing.T) {
	out := &sink{}
	log := slog.New(newBufferedLog(out, logSettings{LogLevel: "info"}))
	for _, message := range []string{"first", "second"} { // the second has to begin the wait anew
		log.Info(message)
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(out.String(), message); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q is not written", message)
			}
		}
	}
}
