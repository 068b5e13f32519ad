package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordermanagement/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const long = time.Minute

func TestCloseRunsInReverseOrderAndJoinsErrors(t *testing.T) {
	var ran []string
	first, third := errors.New("first fails"), errors.New("third fails")
	var stack lifecycle.Stack
	push := func(name string, err error) {
		stack.Push(lifecycle.Cleanup{Name: name, Limit: long, Stop: func(context.Context) error {
			ran = append(ran, name)
			return err
		}})
	}
	push("first", first)
	push("second", nil)
	push("third", third)

	err := stack.Close(t.Context())
	if want := []string{"third", "second", "first"}; !slices.Equal(ran, want) {
		t.Errorf("ran %v, want %v", ran, want)
	}
	if !errors.Is(err, first) || !errors.Is(err, third) {
		t.Errorf("got %v, want both errors", err)
	}
	if err := stack.Close(t.Context()); err != nil || len(ran) != 3 {
		t.Errorf("closed again: %v, %v", err, ran)
	}
}

// Each waits for the other: one after the other they would run out of time.
func TestWhatIsPushedTogetherStopsSideBySide(t *testing.T) {
	var stack lifecycle.Stack
	var ran []string
	stack.Push(lifecycle.Cleanup{Name: "before", Limit: long, Stop: func(context.Context) error {
		ran = append(ran, "before")
		return nil
	}})
	meet, failed := make(chan struct{}), errors.New("second fails")
	stack.Push(
		lifecycle.Cleanup{Name: "first", Limit: long, Stop: func(context.Context) error { meet <- struct{}{}; return nil }},
		lifecycle.Cleanup{Name: "second", Limit: long, Stop: func(context.Context) error { <-meet; return failed }},
	)
	if err := stack.Close(t.Context()); !errors.Is(err, failed) || !slices.Equal(ran, []string{"before"}) {
		t.Errorf("got %v, then ran %v", err, ran)
	}
}

func TestForceFollowsAStopThatFails(t *testing.T) {
	failed, forced := errors.New("stop fails"), errors.New("force fails")
	var stack lifecycle.Stack
	stack.Push(lifecycle.Cleanup{
		Name: "it", Limit: long,
		Stop:  func(context.Context) error { return failed },
		Force: func() error { return forced },
	})
	if err := stack.Close(t.Context()); !errors.Is(err, failed) || !errors.Is(err, forced) {
		t.Errorf("got %v, want both errors", err)
	}
}

func TestOutOfTimeIsReportedAndForced(t *testing.T) {
	for name, stop := range map[string]func(ctx context.Context, forced <-chan struct{}) error{
		"Stop says so": func(ctx context.Context, _ <-chan struct{}) error {
			<-ctx.Done()
			return fmt.Errorf("cut off: %w", ctx.Err())
		},
		"Stop ignores its context": func(_ context.Context, forced <-chan struct{}) error { <-forced; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var outOfTime []string
			forced := make(chan struct{})
			stack := lifecycle.Stack{OutOfTime: func(name string) { outOfTime = append(outOfTime, name) }}
			stack.Push(lifecycle.Cleanup{Name: "quick", Limit: long, Stop: func(context.Context) error { return nil }})
			stack.Push(lifecycle.Cleanup{
				Name: "slow", Limit: time.Millisecond,
				Stop:  func(ctx context.Context) error { return stop(ctx, forced) },
				Force: func() error { close(forced); return nil },
			})
			if err := stack.Close(t.Context()); err != nil {
				t.Errorf("got %v", err)
			}
			if !slices.Equal(outOfTime, []string{"slow"}) {
				t.Errorf("out of time: %v", outOfTime)
			}
			select {
			case <-forced:
			default:
				t.Error("not forced")
			}
		})
	}
}

func TestWhatCannotBeStoppedIsLeftBehind(t *testing.T) {
	hung := make(chan struct{})
	defer close(hung)
	var next bool
	var stack lifecycle.Stack
	stack.Push(lifecycle.Cleanup{Name: "next", Limit: long, Stop: func(context.Context) error {
		next = true
		return nil
	}})
	stack.Push(lifecycle.Cleanup{Name: "hung", Limit: time.Millisecond, Stop: func(context.Context) error {
		<-hung
		return nil
	}})
	if err := stack.Close(t.Context()); !errors.Is(err, lifecycle.ErrLeftBehind) {
		t.Errorf("got %v, want %v", err, lifecycle.ErrLeftBehind)
	}
	if !next {
		t.Error("what was started before is not stopped")
	}
}

func TestSignals(t *testing.T) {
	ctx, stop := lifecycle.Signals(t.Context(), syscall.SIGUSR1)
	defer stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(long):
		t.Fatal("the signal doesn't end the context")
	}
	if cause := context.Cause(ctx); cause == nil || !strings.Contains(cause.Error(), "user defined signal 1") {
		t.Errorf("the cause is %v", cause)
	}
}
