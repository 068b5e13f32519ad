package load

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// fasthttp looks for idle connections of a client until it has none, and looks only now and then.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"))
}

func TestRunCountsEveryCall(t *testing.T) {
	var made [3]int
	clients := &Clients{}
	for i := range made {
		clients.Calls = append(clients.Calls, func(context.Context) error { made[i]++; return nil })
	}
	slice, err := clients.Run(t.Context(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if sum := made[0] + made[1] + made[2]; slice.Requests != sum || len(slice.Latencies) != sum {
		t.Errorf("%d requests, %d latencies of %d calls", slice.Requests, len(slice.Latencies), sum)
	}
	if min(made[0], made[1], made[2]) == 0 {
		t.Errorf("a client made no call: %v", made)
	}
	if slice.Elapsed < time.Millisecond {
		t.Errorf("elapsed: %v", slice.Elapsed)
	}
}

func TestRunEndsAtTheFirstFailure(t *testing.T) {
	broken := errors.New("broken")
	clients := &Clients{Calls: []Call{
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		func(context.Context) error { return broken },
	}}
	if _, err := clients.Run(t.Context(), time.Hour); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	clients := &Clients{Calls: []Call{func(context.Context) error {
		cancel()
		if calls++; calls > 1 {
			return errors.New("a call after the end")
		}
		return nil
	}}}
	if _, err := clients.Run(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
