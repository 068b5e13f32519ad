package gateway

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
)

// serveStream calls the generated code for a route that streams in at least one direction. The header is held back until
// the first record, an error, or the end, so that a stream that fails at once is an HTTP error like any other: a client
// must not wait for it before it sends its first record.
func (g *gateway) serveStream(c *call, next runtime.HandlerFunc, r *http.Request, params map[string]string) {
	if c.route.serverStreams && g.negotiate(c) {
		return
	}
	if !c.route.clientStreams {
		next(c.w, r, params)
		c.w.end()
		return
	}
	// Without it, HTTP/1.1 would read the whole request before it sends the first byte of the answer.
	_ = c.w.controller.EnableFullDuplex()
	c.records = newRecords(c, r.Body, g.MaxRecordBytes, g.StreamIdleTimeout)
	r.Body = c.records
	defer c.endRequest()
	next(c.w, r, params)
	c.w.end()
}

// endRequest ends the RPC and lets go of what is left of the request.
func (c *call) endRequest() {
	c.abort()
	if c.stream != nil {
		c.endSending()
	}
	if !c.records.complete.Load() {
		c.w.interruptRead() // net/http would wait for the rest of the body
	}
	if c.w.interrupted {
		c.w.closeConnection()
	}
}

// endSending waits for the generated code's sending goroutine, which that code itself leaves behind.
func (c *call) endSending() {
	select {
	case <-c.stream.closed:
		return
	default:
	}
	if !c.records.complete.Load() {
		c.w.interruptRead()
	}
	<-c.stream.closed
}

// awaitBody sets the deadline for reading the body; zero for none. After interruptRead it does nothing.
func (w *response) awaitBody(deadline time.Time) {
	w.reading.Lock()
	defer w.reading.Unlock()
	if !w.interrupted {
		_ = w.controller.SetReadDeadline(deadline)
	}
}

// interruptRead ends a read of the body that is waiting, and all that follow. An HTTP/1.1 connection is of no use
// afterwards: to net/http it looks as if the client had gone, and it cancels the context of all its requests.
func (w *response) interruptRead() {
	w.reading.Lock()
	defer w.reading.Unlock()
	w.interrupted = true
	_ = w.controller.SetReadDeadline(time.Unix(1, 0))
}

// closeConnection makes net/http end an HTTP/1.1 connection after this answer. In full duplex it does not do so by
// itself, and would take the rest of the request's body for the next request. Breaking the limit of a MaxBytesReader is
// net/http's documented way to ask for it, also when the header is written already.
func (w *response) closeConnection() {
	_, _ = io.Copy(io.Discard, http.MaxBytesReader(w.innermost(), io.NopCloser(strings.NewReader("more")), 1))
}

// innermost is net/http's own ResponseWriter: the one that MaxBytesReader must be given to close a connection.
func (w *response) innermost() http.ResponseWriter {
	inner := w.ResponseWriter
	for {
		wrapper, ok := inner.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return inner
		}
		inner = wrapper.Unwrap()
	}
}
