package follow_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ordermanagement/internal/follow"
)

// clock is one that the test sets.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time        { return time.Unix(0, c.now.Load()) }
func (c *clock) pass(d time.Duration)  { c.now.Add(int64(d)) }
func text(c [][]byte) (*string, error) { s := string(c[0]); return &s, nil }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	path, c, log := filepath.Join(t.TempDir(), "file"), &clock{}, &bytes.Buffer{}
	write(t, path, "one")
	files, err := follow.New([]string{path}, func(contents [][]byte) (*string, error) {
		if string(contents[0]) == "bad" {
			return nil, errors.New("it is bad")
		}
		return text(contents)
	}, follow.Options{What: "things", Now: c.Now, Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, write string
		pass        time.Duration
		want, says  string
	}{
		{"it has just been read", "two", follow.Interval - 1, "one", ""},
		{"it has changed", "two", 1, "two", "things reloaded"},
		{"it is bad", "bad", follow.Interval, "two", "it is bad"},
		{"it is still bad", "bad", follow.Interval, "two", ""},
		{"it is as it was", "two", follow.Interval, "two", "things reloaded"},
		{"the clock is set back", "three", -time.Hour, "three", "things reloaded"},
	} {
		t.Run(step.name, func(t *testing.T) {
			log.Reset()
			write(t, path, step.write)
			c.pass(step.pass)
			if got := *files.Get(); got != step.want {
				t.Errorf("got %q, want %q", got, step.want)
			}
			if !strings.Contains(log.String(), step.says) || step.says == "" && log.Len() > 0 {
				t.Errorf("the log says %q, want %q", log, step.says)
			}
		})
	}
}

// While one caller looks at the files, the others get what was read before.
func TestOneCallerLooks(t *testing.T) {
	path, c := filepath.Join(t.TempDir(), "file"), &clock{}
	write(t, path, "one")
	looking, goOn := make(chan struct{}), make(chan struct{})
	files, err := follow.New([]string{path}, func(contents [][]byte) (*string, error) {
		if string(contents[0]) == "two" {
			close(looking)
			<-goOn
		}
		return text(contents)
	}, follow.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "two")
	c.pass(follow.Interval)
	seen := make(chan string)
	go func() { seen <- *files.Get() }()
	<-looking
	c.pass(follow.Interval)
	for range 3 {
		if got := *files.Get(); got != "one" {
			t.Errorf("got %q beside the one who looks", got)
		}
	}
	close(goOn)
	if got := <-seen; got != "two" {
		t.Errorf("who looks got %q", got)
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "large"), strings.Repeat("x", follow.MaxBytes+1))
	for _, name := range []string{"missing", "large", "."} {
		if _, err := follow.New([]string{filepath.Join(dir, name)}, text, follow.Options{}); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	files, err := follow.New([]string{filepath.Join(dir, "missing")}, text, follow.Options{Optional: []string{filepath.Join(dir, "missing")}})
	if err != nil || *files.Get() != "" {
		t.Errorf("a file that need not be there: %v", err)
	}
}
