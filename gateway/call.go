package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// call is the state of one request. The request's context carries it, and so ties together what the generated code
// calls without knowing of each other: the decoder, the gRPC connection, the ResponseWriter and the error handlers.
// All of it belongs to the goroutine that handles the request, except failure, which a bidirectional stream's sending
// goroutine sets too.
type call struct {
	id      string
	log     *slog.Logger
	w       *response
	request *http.Request // as it came
	route   *route        // nil until one has matched
	probing bool          // only the route is wanted; nothing is answered

	outgoing metadata.MD // what the RPC carries
	query    url.Values  // of the request, checked
	body     []byte      // of a unary request
	memory   memory      // that the request's body or record takes
	answer   answer      // of a unary call

	told            *status.Status // what the client is answered, if that is an error
	called          bool           // the RPC has begun; before that, errors are the gateway's own
	header, trailer metadata.MD
	records         *records                      // of a request that streams
	stream          *stream                       // of a streaming RPC that has begun
	events          *events                       // of an answer that is a stream of events
	failure         atomic.Pointer[status.Status] // what is wrong with the request's stream
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// callOf finds the call that identify put into every request's context.
func callOf(ctx context.Context) *call {
	return ctx.Value(callKey{}).(*call)
}

// fail ends the RPC of a stream because its request is wrong. The first failure is the one that the client is told.
func (c *call) fail(st *status.Status) {
	c.failure.CompareAndSwap(nil, st)
	c.abort()
}

// abort ends the RPC of a stream: whatever the server does next, nobody will see it.
func (c *call) abort() {
	if c.stream != nil {
		c.stream.cancel()
	}
}
