package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/tracing"
	"ordermanagement/server/rpc"
)

// call is one RPC on its way through the chain. What one link learns, the links around it can read.
type call struct {
	rpc.Call

	method    *method
	inProcess bool
	requestID string
	began     time.Time
	lasted    time.Duration     // once it has ended
	origin    auth.Origin       // where the caller is
	forwarded string            // the same and all before it, as its gateway tells, for the log
	recheck   *recheck          // of a stream whose caller is known
	allowance *allowance        // of calls that the caller has left; nil if there is no limit
	messages  *tracing.Messages // of a stream that is traced
	refusal   error             // what went wrong inside, for the log only
	rehearsal bool              // only whether it would be admitted; see Server.Admit

	rest    chain // of the links, those that have not begun yet
	handler next
	next    next // advance, which is made a function once
}

// link is one part of what happens around every RPC, unary or stream, from the network or from within the process. It
// runs before the request is decoded: what is decoded is checked where it is received (see registrar.go).
type link struct {
	name string
	// after names the links that must run before this one, and so see what it refuses.
	after []string
	run   func(ctx context.Context, c *call, next next) error
}

// next runs the rest of the chain. A link calls it once, or not at all.
type next func(ctx context.Context) error

// chain is every link, the outermost first. There is one, so that unary calls and streams can't differ.
type chain []link

// newChain checks that every link runs after those it needs.
func newChain(links ...link) (chain, error) {
	var names []string
	for _, l := range links {
		for _, name := range l.after {
			if !slices.Contains(names, name) {
				return nil, fmt.Errorf("interceptor %q must run after %q", l.name, name)
			}
		}
		names = append(names, l.name)
	}
	return links, nil
}

// run runs the links from the first one, then the handler.
func (ch chain) run(ctx context.Context, c *call, handler next) error {
	c.rest, c.handler, c.next = ch, handler, c.advance
	return c.advance(ctx)
}

// took is how long the call has taken: until the first time that somebody asks, when it has ended.
func (c *call) took() time.Duration {
	if c.lasted == 0 {
		c.lasted = time.Since(c.began)
	}
	return c.lasted
}

func (c *call) advance(ctx context.Context) error {
	if len(c.rest) == 0 {
		return c.handler(ctx)
	}
	link := c.rest[0]
	c.rest = c.rest[1:]
	return link.run(ctx, c, c.next)
}
