package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"ordermanagement/internal/apierror"
)

// response is the ResponseWriter of a call. It adds the headers and trailers that the server sent to whatever is
// answered, errors included, and bounds how long the client may take to read.
type response struct {
	http.ResponseWriter
	controller *http.ResponseController // of the writer below, for deadlines
	call       *call
	timeout    time.Duration
	trailers   bool // the client takes trailers
	draining   <-chan struct{}
	old        bool // the connection is

	status    int // zero until the header is written
	bytes     int64
	silent    bool     // nothing more is written: the answer is complete, or the client is gone
	forwarded bool     // the server's headers are among ours
	announced []string // trailers that the header has named

	reading     sync.Mutex // guards the deadline for reading the body, which a stream's sending goroutine sets too
	interrupted bool       // the body is not read any more
}

func newResponse(w http.ResponseWriter, r *http.Request, c *call, timeout time.Duration) *response {
	return &response{
		ResponseWriter: w, controller: http.NewResponseController(w), call: c, timeout: timeout,
		trailers: acceptsTrailers(r.Header) && r.Method != http.MethodHead,
	}
}

// acceptsTrailers reports whether the client has said `TE: trailers` (RFC 9110, 6.5.1 and 10.1.4).
func acceptsTrailers(h http.Header) bool {
	for _, value := range h.Values("TE") {
		for coding := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "trailers") {
				return true
			}
		}
	}
	return false
}

// forwardHeaders adds the server's header metadata, once.
func (w *response) forwardHeaders() {
	if w.forwarded {
		return
	}
	w.forwarded = true
	for key, values := range w.call.header {
		addHeader(w.Header(), key, values)
	}
	if w.call.request.Header.Get("Sec-Fetch-Dest") == "empty" {
		quieten(w.Header())
	}
}

// quieten takes the challenge of Basic out of an answer to a script (Fetch Metadata, Sec-Fetch-Dest: empty): a browser would ask
// the person for a password before the script sees the answer, and keep it beyond the script's reach.
func quieten(h http.Header) {
	const name = "Www-Authenticate"
	if values, ok := h[name]; ok {
		h[name] = slices.DeleteFunc(slices.Clone(values), func(challenge string) bool { return strings.HasPrefix(challenge, "Basic") })
	}
}

func (w *response) WriteHeader(code int) {
	if w.silent || w.status != 0 {
		return
	}
	w.status = code
	w.forwardHeaders()
	if w.streaming() && code < http.StatusMultipleChoices {
		w.describeStream()
	}
	h := w.Header()
	if w.old || isClosed(w.draining) {
		h.Set("Connection", "close") // of HTTP/2 net/http makes a GOAWAY
	}
	h.Del("Transfer-Encoding") // net/http's business; the generated code sets it
	if w.trailers && bodyAllowed(code) {
		for key := range w.call.trailer {
			if name, ok := trailerName(key); ok {
				w.announced = append(w.announced, name)
				h.Add("Trailer", name)
				h.Del("Content-Length") // trailers need chunks
			}
		}
	}
	_ = w.controller.SetWriteDeadline(time.Now().Add(w.timeout))
	w.ResponseWriter.WriteHeader(code)
}

func bodyAllowed(code int) bool {
	return code >= 200 && code != http.StatusNoContent && code != http.StatusNotModified
}

// Write never fails: the generated code has no use for the error but to print it. The RPC ends instead.
func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.silent {
		return len(p), nil
	}
	if w.streaming() {
		_ = w.controller.SetWriteDeadline(time.Now().Add(w.timeout))
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	if err != nil {
		w.call.answer.abandon()
		w.hangUp()
	}
	return len(p), nil
}

// FlushError sends a record of a stream on its way.
func (w *response) FlushError() error {
	if w.silent {
		return nil
	}
	if err := w.controller.Flush(); err != nil {
		w.hangUp()
		return nil
	}
	// HTTP/2 ends the stream when a write deadline passes, even if there is nothing to write.
	_ = w.controller.SetWriteDeadline(time.Time{})
	return nil
}

func (w *response) hangUp() {
	w.silent = true
	w.call.abort()
}

func (w *response) streaming() bool {
	return w.call.route != nil && w.call.route.serverStreams
}

// end completes the answer of a route: a stream of events gets its last one, a stream that had no record its header, and
// the trailers follow the body.
func (w *response) end() {
	if w.call.events != nil && !w.silent {
		w.writeEvent(event{kind: kindEnd, id: endID, data: new(emptypb.Empty)})
	}
	if w.status == 0 && !w.silent {
		w.WriteHeader(http.StatusOK)
	}
	if w.streaming() {
		_ = w.controller.SetWriteDeadline(time.Now().Add(w.timeout))
	}
	if !w.trailers || !bodyAllowed(w.status) {
		return
	}
	for key, values := range w.call.trailer {
		name, ok := trailerName(key)
		if !ok {
			continue
		}
		field := name
		if !slices.Contains(w.announced, name) {
			field = http.TrailerPrefix + name
		}
		for _, value := range values {
			if value, ok := headerValue(key, value); ok {
				w.Header().Add(field, value)
			}
		}
	}
}

// writeError answers with a status, unless something was answered before, to which only a stream of events can add it.
// Nothing can follow it.
func (w *response) writeError(st *status.Status) {
	if w.call.told == nil {
		w.call.told = st
	}
	switch {
	case w.silent:
		return
	case w.status != 0 && w.call.events != nil:
		w.writeEvent(errorEvent(readable(st)))
		w.silent = true
		return
	case w.status != 0:
		return
	}
	w.forwardHeaders()
	h := w.Header()
	h.Del("Trailer")
	describeError(h, st)
	body := statusJSON(st)
	h.Set("Content-Type", typeJSON)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(apierror.HTTPStatus(st))
	_, _ = w.Write(body)
	w.silent = true
}

func isClosed(channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}
