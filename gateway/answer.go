package gateway

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"

	"ordermanagement/internal/appendjson"
)

const (
	// usualBytes is the room for an answer to begin with: that of an order, most often.
	usualBytes = 2048
	// maxKept is how large a buffer may be that is kept for another answer, in bytes.
	maxKept = 64 << 10
)

// answer is the message that a unary call answers, and the buffer for its JSON, which serves another call when this one
// has been answered.
type answer struct {
	message proto.Message
	from    *sync.Pool
	buffer  *[]byte
}

func (a *answer) marshal() ([]byte, error) {
	if a.buffer == nil {
		var ok bool
		if a.buffer, ok = a.from.Get().(*[]byte); !ok {
			empty := make([]byte, 0, usualBytes)
			a.buffer = &empty
		}
	}
	out, err := appendjson.Message((*a.buffer)[:0], a.message)
	if err != nil {
		return nil, err
	}
	*a.buffer = append(out, '\n') // a terminal's prompt then begins a line of its own
	return *a.buffer, nil
}

// abandon keeps the buffer from serving another call: HTTP/2 may still be sending it when the write of a stream that was
// reset has failed, and what it sends must stay the answer of this one.
func (a *answer) abandon() { a.buffer = nil }

// release is called when the answer has been sent.
func (a *answer) release() {
	if a.buffer != nil && cap(*a.buffer) <= maxKept {
		a.from.Put(a.buffer)
	}
	a.buffer = nil
}

// rewrite makes of a message what codec is to write for this call.
func rewrite(ctx context.Context, m proto.Message) (any, error) {
	c := callOf(ctx)
	switch {
	case c.events != nil:
		return c.events.asEvent(m), nil
	case c.route.serverStreams:
		return m, nil
	}
	c.answer.message = m
	return &c.answer, nil
}
