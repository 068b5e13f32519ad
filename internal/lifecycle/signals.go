package lifecycle

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

// Signals makes a context that ends at the first of the signals; context.Cause then names it. Before it ends, the signals
// do again what they do by default, so that a second one ends the process at once. The function undoes everything.
func Signals(parent context.Context, signals ...os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var cause error
		select {
		case s := <-received:
			cause = fmt.Errorf("%v signal received", s)
		case <-ctx.Done():
		}
		// In this order: signal.NotifyContext ends its context first, and a second signal soon after is lost.
		signal.Stop(received)
		cancel(cause)
	}()
	return ctx, func() {
		cancel(nil)
		<-done
	}
}
