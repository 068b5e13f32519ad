// Package load makes calls as fast as they are answered, by a fixed number of clients at the same time, each of which
// makes one call after the other.
package load

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Call makes one call and checks its answer.
type Call func(context.Context) error

// Clients are the clients of one contestant, connected as long as it runs.
type Clients struct {
	Calls []Call                      // one for each client
	After func(context.Context) error // checks at the end what the calls have left behind; may be nil
	Close func()
	// Program is what makes the calls instead, when that is a program of its own; nil when Calls do.
	Program func(ctx context.Context, duration time.Duration) (Slice, error)
}

// A Slice is what the clients did for a while.
type Slice struct {
	Requests  int
	Elapsed   time.Duration   // until the last call was answered
	Latencies []time.Duration // of every call, unsorted
}

// Run makes calls for as long as the duration says; calls that were begun by then are waited for and counted. The first
// call that fails, or whose answer is not the right one, ends it.
func (c *Clients) Run(ctx context.Context, duration time.Duration) (Slice, error) {
	if c.Program != nil {
		return c.Program(ctx, duration)
	}
	latencies := make([][]time.Duration, len(c.Calls))
	group, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	for i, call := range c.Calls {
		group.Go(func() error {
			for now := begin; now.Sub(begin) < duration; {
				if err := ctx.Err(); err != nil { // not every call looks at it
					return err
				}
				if err := call(ctx); err != nil {
					return fmt.Errorf("client %d, call %d: %w", i, len(latencies[i]), err)
				}
				end := time.Now()
				latencies[i] = append(latencies[i], end.Sub(now))
				now = end
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Slice{}, err
	}
	slice := Slice{Elapsed: time.Since(begin)}
	for _, each := range latencies {
		slice.Latencies = append(slice.Latencies, each...)
	}
	slice.Requests = len(slice.Latencies)
	return slice, nil
}
