package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"ordermanagement/internal/apierror"
)

// Server-Sent Events (WHATWG HTML, "Server-sent events"): the answer of any server stream to a client that prefers them.
//
// A record is an event of the default type, whose data is the message's JSON. An EventSource connects again whenever a
// stream has ended, for whatever reason, and sends the id of the last event it got. So a stream that is not to be begun
// anew has `end` for the id of its last event, and whoever comes back with that is answered 204, which stops an
// EventSource. With any other id the stream begins anew: none can be resumed yet.
const (
	typeEvents = "text/event-stream"

	kindEnd   = "end"   // the stream went well; its data is {}
	kindError = "error" // the stream failed; its data is the google.rpc.Status

	endID     = "end"
	keepAlive = ": keep-alive\n\n"
)

// events is the state of an answer that is a stream of events.
type events struct {
	interval time.Duration // without an event, after which a comment is sent
	records  int           // that were events so far
}

// event is what codec writes as one event.
type event struct {
	kind  string        // "" is that of records
	id    string        // "" leaves the client the last one it got
	retry time.Duration // how long the client is to wait before it comes back; 0 leaves it to the client
	data  proto.Message
}

// head is what stands before the data. Nothing in it can have a line break; nor has JSON any.
func (e event) head() string {
	var b strings.Builder
	if e.kind != "" {
		b.WriteString("event: " + e.kind + "\n")
	}
	if e.id != "" {
		b.WriteString("id: " + e.id + "\n")
	}
	if e.retry > 0 {
		b.WriteString("retry: " + strconv.FormatInt(e.retry.Milliseconds(), 10) + "\n")
	}
	b.WriteString("data: ")
	return b.String()
}

// negotiate chooses between records and events for a stream that may begin. It reports whether it must not, because the
// client has got to its end before; no call is made then.
func (g *gateway) negotiate(c *call) (ended bool) {
	if !prefersEvents(c.request.Header["Accept"]) {
		return false
	}
	c.events = &events{interval: g.EventKeepAlive}
	// An EventSource sends GET; what has records of its own is never passed over.
	if c.route.clientStreams || c.request.Header.Get("Last-Event-ID") != endID {
		return false
	}
	c.w.WriteHeader(http.StatusNoContent)
	return true
}

// describeStream adds the headers of a stream that begins, or has ended before. Errors, which are JSON whatever the
// client prefers, don't have them.
func (w *response) describeStream() {
	h := w.Header()
	h.Add("Vary", "Accept")
	switch {
	case w.call.events == nil:
		h.Set("Content-Type", typeNDJSON)
		return
	case w.status == http.StatusOK:
		h.Set("Content-Type", typeEvents)
		h.Set("X-Accel-Buffering", "no") // nginx would collect events before it passes them on
	}
	h.Set("Cache-Control", "no-store")
}

// asEvent makes an event of a record. Its id is its number; a stream that can be resumed is to name its events here, by
// what its messages say.
func (e *events) asEvent(m proto.Message) event {
	e.records++
	return event{id: strconv.Itoa(e.records), data: m}
}

// errorEvent is the last event of a stream that failed. If trying again may help, the client is told when and keeps the
// last id it got; otherwise it must not come back.
func errorEvent(st *status.Status) event {
	e := event{kind: kindError, id: endID, data: st.Proto()}
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			e.id, e.retry = "", info.GetRetryDelay().AsDuration()
			if e.retry < time.Millisecond { // a stream that fails at once would be tried again without a pause
				e.retry = apierror.RetryDelay
			}
		}
	}
	return e
}

// writeEvent sends an event that is no record.
func (w *response) writeEvent(e event) {
	data, err := codec{}.Marshal(e)
	if err != nil { // not of what readable has passed
		w.hangUp()
		return
	}
	w.sendEvents(append(data, codec{}.Delimiter()...))
}

func (w *response) sendEvents(text []byte) {
	_, _ = w.Write(text)
	_ = w.FlushError()
}

// await does what may have to wait for the server: in a goroutine of its own if the answer is a stream of events, while
// this one, the only one that writes, sends comments that keep proxies and the client from giving the connection up. The
// first of them sends the header too; what the server has to say in its own comes too late then. A client that doesn't
// take them ends the RPC, and so the wait.
func (c *call) await(receive func() error) error {
	if c.events == nil {
		return receive()
	}
	type result struct {
		err      error
		panicked any
	}
	received := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			r.panicked = recover()
			received <- r
		}()
		r.err = receive()
	}()
	ticker := time.NewTicker(c.events.interval)
	defer ticker.Stop()
	for {
		select {
		case r := <-received:
			if r.panicked != nil {
				panic(r.panicked) // here it is contained
			}
			return r.err
		case <-ticker.C:
			c.w.sendEvents([]byte(keepAlive))
		}
	}
}
