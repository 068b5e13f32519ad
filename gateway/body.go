package gateway

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

const typeForm = "application/x-www-form-urlencoded"

// admitBody checks that the body is what the route takes, and reads that of a unary request.
func (g *gateway) admitBody(c *call, r *http.Request) *status.Status {
	if c.route.body == "" {
		if hasBody(r) {
			return malformed("", "this method takes no body")
		}
		r.Body = http.NoBody
		return nil
	}
	if r.ContentLength != 0 {
		if st := checkMediaType(r.Header, c.route.clientStreams); st != nil {
			return st
		}
	}
	if c.route.clientStreams {
		return nil
	}
	var st *status.Status
	if c.body, st = g.readBody(c, r); st != nil {
		return st
	}
	if blank(c.body) && c.route.needsBody() {
		return malformed(c.route.bodyField(), "a JSON body is required")
	}
	if problem := excess(c.body); problem != "" {
		return apierror.New(apiv1.ErrorReason_REQUEST_TOO_LARGE, "the body "+problem,
			apierror.BadRequest(apierror.Field(c.route.bodyField(), problem)))
	}
	r.Body = newPayload(c.body)
	return nil
}

// hasBody reports whether a request that should have no body has one. RFC 9110, 9.3.1: it has no meaning, and may be
// refused.
func hasBody(r *http.Request) bool {
	if r.ContentLength >= 0 {
		return r.ContentLength > 0
	}
	n, _ := io.ReadFull(r.Body, make([]byte, 1))
	return n > 0
}

// checkMediaType accepts JSON: as such, unnamed, and under the name that `curl -d` gives to everything. What that opens
// to the forms of foreign pages, refuseCrossOrigin closes.
func checkMediaType(h http.Header, stream bool) *status.Status {
	types := h.Values("Content-Type")
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupported("the body must not be encoded; send it without Content-Encoding", stream)
	}
	if len(types) == 0 {
		return nil
	}
	media, params, err := mime.ParseMediaType(types[0])
	if len(types) > 1 || err != nil {
		return unsupported("the Content-Type can't be read", stream)
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return unsupported("JSON is UTF-8", stream)
	}
	if media == typeJSON || media == typeForm || media == typeNDJSON && stream {
		return nil
	}
	return unsupported("this media type is not supported", stream)
}

func unsupported(problem string, stream bool) *status.Status {
	want := typeJSON
	if stream {
		want = typeNDJSON
	}
	return apierror.Newf(apiv1.ErrorReason_UNSUPPORTED_MEDIA_TYPE, "%s; send Content-Type: %s", problem, want)
}

// limitBodyTime bounds how long a body may take to arrive, also one that is refused unread: net/http reads the rest of
// it before the answer. Reading a stream sets the deadline anew.
func (g *gateway) limitBodyTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			callOf(r.Context()).w.awaitBody(time.Now().Add(g.BodyTimeout))
		}
		next.ServeHTTP(w, r)
	})
}

// readBody reads a unary request's body, in time, within the limit, and as far as there is memory for it.
func (g *gateway) readBody(c *call, r *http.Request) ([]byte, *status.Status) {
	if r.ContentLength > g.MaxBodyBytes {
		c.w.closeConnection() // instead of reading what nobody wants
		return nil, g.bodyTooLarge()
	}
	if r.ContentLength == 0 {
		return nil, nil
	}
	most := g.MaxBodyBytes + 1 // and the one that finds the end
	if r.ContentLength > 0 {
		most = r.ContentLength + 1
	}
	// The length that a client claims is no reason to set that much memory aside.
	data := make([]byte, 0, min(most, bodyBuffer))
	body := http.MaxBytesReader(c.w.innermost(), r.Body, g.MaxBodyBytes)
	var err error
	for err == nil {
		var ok bool
		if data, ok = c.memory.grow(data, 1, int(most)); !ok {
			c.w.closeConnection() // instead of reading what there is no room for
			return nil, memoryExhausted()
		}
		var n int
		n, err = body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == io.EOF:
		// Left in place, the deadline would end the connection while the server is what takes long.
		c.w.awaitBody(time.Time{})
		return data, nil
	case errors.As(err, &tooLarge):
		return nil, g.bodyTooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, apierror.Newf(apiv1.ErrorReason_STREAM_IDLE, "the body did not arrive within %v", g.BodyTimeout)
	default:
		return nil, apierror.Newf(apiv1.ErrorReason_CALL_CANCELED, "the request broke off")
	}
}

func (g *gateway) bodyTooLarge() *status.Status {
	return apierror.Newf(apiv1.ErrorReason_REQUEST_TOO_LARGE, "the body is larger than %d bytes", g.MaxBodyBytes)
}

// bodyField is the field of the request message that the body is; "" when it is all of the message.
func (rt *route) bodyField() string {
	if rt.body == "*" {
		return ""
	}
	return rt.body
}
