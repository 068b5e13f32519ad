package documents

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// Exchange is a request and its answer, as they were sent.
type Exchange struct {
	Request     *http.Request
	RequestBody []byte
	Answer      *http.Response // nil if none came
	AnswerBody  []byte
	// Whole says that both bodies were sent to their end.
	Whole bool
	// Open says that the service asks nobody for credentials.
	Open bool
}

// Recording keeps what is sent while it is sent.
type Recording struct {
	request *http.Request
	answer  *http.Response

	mu             sync.Mutex
	sent, received bytes.Buffer
	unread         bool // the request's body has not been sent to its end
	whole          bool
}

// Record sends a request and keeps a copy of it and of its answer.
func Record(client *http.Client, request *http.Request) (*http.Response, *Recording, error) {
	r := &Recording{request: request.Clone(request.Context())}
	switch {
	case request.GetBody != nil: // its length is known, and so is the whole of it
		body, err := request.GetBody()
		if err == nil {
			_, err = r.sent.ReadFrom(body)
		}
		if err != nil {
			return nil, r, err
		}
	case request.Body != nil:
		r.unread = true
		request.Body = &copied{ReadCloser: request.Body, read: func(part []byte, err error) { r.add(&r.sent, part, err, &r.unread, false) }}
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, r, err
	}
	r.answer = answer
	answer.Body = &copied{ReadCloser: answer.Body, read: func(part []byte, err error) { r.add(&r.received, part, err, &r.whole, true) }}
	return answer, r, nil
}

func (r *Recording) add(to *bytes.Buffer, part []byte, err error, flag *bool, value bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	to.Write(part)
	if err == io.EOF {
		*flag = value
	}
}

// Exchange is what has been sent so far.
func (r *Recording) Exchange() *Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &Exchange{
		Request: r.request, RequestBody: bytes.Clone(r.sent.Bytes()),
		Answer: r.answer, AnswerBody: bytes.Clone(r.received.Bytes()),
		Whole: r.whole && !r.unread,
	}
}

// copied shows whoever wants to know what is read of a body.
type copied struct {
	io.ReadCloser
	read func(part []byte, err error)
}

func (c *copied) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read(p[:n], err)
	return n, err
}
