// Package lifecycle stops what a process has started: in reverse order, each step within a time limit.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// forceLimit is how long a Stop may go on after its Force, before it is left behind.
const forceLimit = time.Second

// ErrLeftBehind is in the error of a clean-up whose Stop didn't return at all.
var ErrLeftBehind = errors.New("still running, left behind")

// Cleanup is how one thing is stopped.
type Cleanup struct {
	Name  string                      // for the error
	Limit time.Duration               // how long Stop may take
	Stop  func(context.Context) error // gently; its context ends with the limit
	// Force stops at once, after Stop has failed or run out of time. It is nil for what can't, and for a Stop that does
	// so itself when its context ends.
	Force func() error
}

// Stack collects clean-ups as things start. The zero value is empty and ready. It is not safe for concurrent use.
type Stack struct {
	// OutOfTime is told what could not be stopped gently in time. That by itself is no error: a stream may have no end.
	OutOfTime func(name string)

	cleanups [][]Cleanup
}

// Push adds the clean-up of what was just started. Several at once run side by side, each within its own limit.
func (s *Stack) Push(c ...Cleanup) { s.cleanups = append(s.cleanups, c) }

// Close runs the clean-ups, the last one first, and empties the stack. One that fails doesn't keep the others from
// running; the errors come back joined.
func (s *Stack) Close(ctx context.Context) error {
	var errs []error
	for len(s.cleanups) > 0 {
		last := len(s.cleanups) - 1
		together := s.cleanups[last]
		s.cleanups = s.cleanups[:last]
		outcomes := make([]outcome, len(together))
		var running sync.WaitGroup
		for i, cleanup := range together {
			running.Go(func() { outcomes[i] = cleanup.run(ctx) })
		}
		running.Wait()
		for i, cleanup := range together {
			if outcomes[i].outOfTime && s.OutOfTime != nil {
				s.OutOfTime(cleanup.Name)
			}
			if err := outcomes[i].err; err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", cleanup.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

type outcome struct {
	outOfTime bool
	err       error
}

func (c Cleanup) run(ctx context.Context) outcome {
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	stopped := make(chan error, 1)
	var err error
	go func() { stopped <- c.Stop(ctx) }()

	returned := false
	select {
	case err = <-stopped:
		if err == nil {
			return outcome{}
		}
		returned = true
	case <-ctx.Done():
	}
	var forceErr error
	if c.Force != nil {
		forceErr = c.Force()
	}
	if !returned {
		timer := time.NewTimer(forceLimit)
		defer timer.Stop()
		select {
		case err = <-stopped:
		case <-timer.C:
			return outcome{true, errors.Join(ErrLeftBehind, forceErr)}
		}
	}
	outOfTime := ctx.Err() != nil
	if outOfTime && errors.Is(err, ctx.Err()) {
		err = nil // that is what it says
	}
	return outcome{outOfTime, errors.Join(err, forceErr)}
}
