package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// recordBuffer is how much of a request stream is read at once, in bytes.
const recordBuffer = 32 << 10

var (
	errRecordTooLarge  = errors.New("record too large")
	errMemoryExhausted = errors.New("memory for bodies exhausted")
)

// records reads the body of a client stream: newline-delimited JSON, one record a line, blank lines between them
// ignored, the last line's break optional.
//
// What goes wrong with the request ends the RPC here, by call.fail: the generated code doesn't tell it from the end of
// the request, and would half-close. It is only told io.EOF, whatever the reason.
type records struct {
	call  *call
	body  io.ReadCloser
	limit int64         // of a record, in bytes
	idle  time.Duration // for the next record

	in       *bufio.Reader
	line     []byte // of a record that is longer than the buffer
	index    int    // of the next record
	deadline time.Time
	complete atomic.Bool // the whole body was read
}

func newRecords(c *call, body io.ReadCloser, limit int64, idle time.Duration) *records {
	s := &records{call: c, body: body, limit: limit, idle: idle}
	// No larger than a record may be, so that one that is too long is noticed before its end.
	s.in = bufio.NewReaderSize(timedReader{s}, int(min(limit+2, recordBuffer)))
	return s
}

// Read and Close make it an http.Request's Body, as which the decoder gets it. Only the decoder reads.
func (s *records) Read([]byte) (int, error) { return 0, io.EOF }
func (s *records) Close() error             { return s.body.Close() }

// Decode reads the next record into v. Its error is nil or io.EOF.
func (s *records) Decode(v any) error {
	defer s.call.containSending()
	if s.call.failure.Load() != nil || s.call.stream != nil && s.call.stream.ended {
		return io.EOF
	}
	s.deadline = time.Now().Add(s.idle)
	for {
		line, err := s.next()
		switch {
		case err == nil:
		case err == io.EOF:
			s.complete.Store(true)
			return io.EOF
		case errors.Is(err, errRecordTooLarge):
			return s.fail(recordError(apiv1.ErrorReason_REQUEST_TOO_LARGE, s.index, "", "is larger than a record may be"))
		case errors.Is(err, errMemoryExhausted):
			return s.fail(memoryExhausted())
		case errors.Is(err, os.ErrDeadlineExceeded):
			return s.fail(apierror.New(apiv1.ErrorReason_STREAM_IDLE, "the next record did not arrive in time; send it sooner, or end the request"))
		default:
			return s.fail(apierror.New(apiv1.ErrorReason_CALL_CANCELED, "the request broke off"))
		}
		if blank(line) {
			continue
		}
		if problem := excess(line); problem != "" {
			return s.fail(recordError(apiv1.ErrorReason_REQUEST_TOO_LARGE, s.index, "", problem))
		}
		if err := (codec{}).Unmarshal(line, v); err != nil {
			m, _ := v.(proto.Message)
			field, text := explainJSON(err, line, m)
			return s.fail(recordError(apiv1.ErrorReason_MALFORMED_REQUEST, s.index, field, "can't be read: "+text))
		}
		s.index++
		return nil
	}
}

func (s *records) fail(st *status.Status) error {
	s.call.fail(st)
	return io.EOF
}

// next returns the next line, valid until the next call.
func (s *records) next() ([]byte, error) {
	s.line = nil // a stream must not hold the memory of its longest record while it waits
	s.call.memory.release()
	for {
		part, err := s.in.ReadSlice('\n')
		if int64(len(s.line)+len(bytes.TrimRight(part, "\r\n"))) > s.limit {
			return nil, errRecordTooLarge
		}
		if len(s.line) == 0 && (err == nil || err == io.EOF && len(part) > 0) {
			return part, nil
		}
		var ok bool
		if s.line, ok = s.call.memory.grow(s.line, len(part), int(s.limit)); !ok {
			return nil, errMemoryExhausted
		}
		s.line = append(s.line, part...)
		switch {
		case err == nil, err == io.EOF && len(s.line) > 0:
			return s.line, nil
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// timedReader reads the body under the deadline of the record that is awaited. Between reads there is none: on HTTP/1.1
// it would end the connection, on HTTP/2 the stream, while the server is what takes long.
type timedReader struct{ *records }

func (r timedReader) Read(p []byte) (int, error) {
	r.call.w.awaitBody(r.deadline)
	n, err := r.body.Read(p)
	r.call.w.awaitBody(time.Time{})
	return n, err
}
