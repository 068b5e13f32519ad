package main

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

func newLogger(w io.Writer, s logSettings) *slog.Logger {
	return slog.New(newLogHandler(w, s))
}

func newLogHandler(w io.Writer, s logSettings) slog.Handler {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		level = slog.LevelInfo // a wrong level has been reported already
	}
	options := &slog.HandlerOptions{Level: level}
	if s.LogFormat == logJSON {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// How long log lines wait to be written together, and how many bytes of them.
const (
	logDelay  = 10 * time.Millisecond
	logBuffer = 64 << 10
)

// logBuffered collects the log lines of a process that serves: a system call a line would cost as much as making it. What
// is a warning or worse is written at once, with all that waits before it.
type logBuffered struct {
	slog.Handler
	lines *logLines
}

func newBufferedLog(w io.Writer, s logSettings) logBuffered {
	lines := &logLines{to: w}
	return logBuffered{newLogHandler(lines, s), lines}
}

// Handle implements slog.Handler.
func (b logBuffered) Handle(ctx context.Context, r slog.Record) error {
	err := b.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		b.lines.flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (b logBuffered) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logBuffered{b.Handler.WithAttrs(attrs), b.lines}
}

// WithGroup implements slog.Handler.
func (b logBuffered) WithGroup(name string) slog.Handler {
	return logBuffered{b.Handler.WithGroup(name), b.lines}
}

// logLines is lines that wait to be written.
type logLines struct {
	to      io.Writer
	mu      sync.Mutex
	waiting []byte
	timer   *time.Timer // runs while anything waits
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(line) > logBuffer {
		l.write()
	}
	if len(l.waiting) == 0 {
		l.timer = time.AfterFunc(logDelay, l.flush)
	}
	l.waiting = append(l.waiting, line...)
	return len(line), nil
}

// flush writes what waits.
func (l *logLines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

func (l *logLines) write() {
	if len(l.waiting) == 0 {
		return
	}
	l.timer.Stop()
	_, _ = l.to.Write(l.waiting) // there is nowhere to tell that the log can't be written
	l.waiting = l.waiting[:0]
}
