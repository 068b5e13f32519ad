package corpus

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"ordermanagement/e2e/documents"
)

// restTransport calls the service by HTTP/JSON.
type restTransport struct {
	name   string
	base   string // "https://127.0.0.1:8443"
	client *http.Client
}

// REST makes a transport of a client.
func REST(name, base string, client *http.Client) Transport {
	return &restTransport{name: name, base: base, client: client}
}

func (t *restTransport) Name() string     { return t.name }
func (t *restTransport) Protocol() string { return "rest" }
func (t *restTransport) Close()           { t.client.CloseIdleConnections() }

func (t *restTransport) Begin(ctx context.Context, call Call) (Exchange, error) {
	method := call.Method
	b, err := bindingOf(method)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Te": {"trailers"}}
	for key, values := range call.Metadata {
		header[httpName(key)] = values
	}
	e := &restExchange{transport: t, ctx: ctx, method: method, binding: b, header: header, arrived: make(chan struct{})}
	if method.IsStreamingClient() {
		body, pipe := io.Pipe()
		e.pipe = pipe
		// The client's HTTP/1.1 waits for the body to end even when the request was canceled.
		context.AfterFunc(ctx, func() { pipe.CloseWithError(ctx.Err()) })
		e.header.Set("Content-Type", "application/x-ndjson")
		return e, e.begin(b.template, body)
	}
	return e, nil
}

// restExchange is one call by HTTP. The requests of a stream are written while answers are read.
type restExchange struct {
	transport *restTransport
	ctx       context.Context
	method    protoreflect.MethodDescriptor
	binding   binding
	header    http.Header

	pipe    *io.PipeWriter // of a stream of requests
	unary   *Message       // the request of any other call
	arrived chan struct{}  // closed when the answer's header is there, or never will be
	answer  *http.Response
	record  *documents.Recording
	failure error
	lines   *bufio.Reader
	ended   bool
	err     *spb.Status
}

// begin sends the header of the request on its way.
func (e *restExchange) begin(target string, body io.Reader) error {
	request, err := http.NewRequestWithContext(e.ctx, e.binding.verb, e.transport.base+target, body)
	if err != nil {
		return err
	}
	request.Header = e.header
	go func() {
		defer close(e.arrived)
		e.answer, e.record, e.failure = documents.Record(e.transport.client, request)
	}()
	return nil
}

func (e *restExchange) Send(m *Message) error {
	if e.pipe == nil {
		e.unary = m
		return nil
	}
	line := []byte{}
	if m.Undecodable != nil {
		line = m.Undecodable.JSON
	} else {
		data, err := protojson.Marshal(m.Proto)
		if err != nil {
			return err
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, data); err != nil {
			return err
		}
		line = compact.Bytes()
	}
	_, err := e.pipe.Write(append(line, '\n'))
	if errors.Is(err, io.ErrClosedPipe) { // the server has had enough; Receive tells why
		return nil
	}
	return err
}

func (e *restExchange) CloseSend() error {
	if e.pipe != nil {
		return e.pipe.Close()
	}
	target, body, err := e.binding.request(e.unary.Proto)
	if err != nil {
		return err
	}
	if e.unary.Undecodable != nil {
		body = e.unary.Undecodable.JSON
	}
	if body == nil {
		return e.begin(target, nil)
	}
	e.header.Set("Content-Type", "application/json")
	return e.begin(target, bytes.NewReader(body))
}

// Receive reads the next line of a stream, or the whole of any other answer.
func (e *restExchange) Receive() (proto.Message, error) {
	if e.ended {
		return nil, nil
	}
	<-e.arrived
	switch {
	case e.failure != nil && e.ctx.Err() != nil:
		e.ended = true
		return nil, nil
	case e.failure != nil:
		return nil, e.failure
	case e.lines == nil:
		e.lines = bufio.NewReader(e.answer.Body)
	}
	if e.answer.StatusCode != http.StatusOK || !e.method.IsStreamingServer() {
		return e.receiveWhole()
	}
	line, err := e.lines.ReadBytes('\n')
	if err == io.EOF && len(line) == 0 || e.ctx.Err() != nil {
		return nil, e.end()
	}
	if err != nil {
		return nil, fmt.Errorf("the answer broke off: %w", err)
	}
	var record map[string]json.RawMessage
	if err := json.Unmarshal(line, &record); err != nil || len(record) != 1 {
		return nil, fmt.Errorf("not a record: %q", clip(line))
	}
	if failure, ok := record["error"]; ok {
		if more, _ := io.ReadAll(e.lines); len(more) > 0 {
			return nil, fmt.Errorf("after the error came more: %q", more)
		}
		return nil, errors.Join(e.readError(failure), e.end())
	}
	return e.read(record["result"])
}

func (e *restExchange) receiveWhole() (proto.Message, error) {
	body, err := io.ReadAll(e.lines)
	if err != nil {
		return nil, err
	}
	if err := e.end(); err != nil {
		return nil, err
	}
	if want := "application/json"; e.answer.Header.Get("Content-Type") != want {
		return nil, fmt.Errorf("want Content-Type %s, got %q: %s", want, e.answer.Header.Get("Content-Type"), clip(string(body)))
	}
	if e.answer.StatusCode != http.StatusOK {
		return nil, e.readError(body)
	}
	return e.read(body)
}

// end reads the answer to its end, so that its trailers are there.
func (e *restExchange) end() error {
	e.ended = true
	_, err := io.Copy(io.Discard, e.lines)
	if e.ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, e.answer.Body.Close())
}

// read reads a message, and makes sure that its JSON is what ProtoJSON says: names, numbers in quotes and all.
func (e *restExchange) read(data []byte) (proto.Message, error) {
	m, err := newMessage(e.method.Output())
	if err != nil {
		return nil, err
	}
	return m, readMessage(data, m)
}

func (e *restExchange) readError(data []byte) error {
	e.err = &spb.Status{}
	return readMessage(data, e.err)
}

func readMessage(data []byte, m proto.Message) error {
	if err := protojson.Unmarshal(data, m); err != nil {
		return fmt.Errorf("%w: %s", err, clip(string(data)))
	}
	sent, err := parseJSON(data)
	if err != nil {
		return err
	}
	canonical, err := jsonOf(m)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(sent, canonical) {
		return fmt.Errorf("not ProtoJSON: %s", clip(string(data)))
	}
	return nil
}

func (e *restExchange) Result() *Result {
	result := &Result{Error: e.err, Code: codes.Code(e.err.GetCode()), Header: http.Header{}, Trailer: http.Header{}}
	if e.answer == nil {
		result.Code = codes.Canceled
		return result
	}
	result.HTTP, result.Exchange = e.answer.StatusCode, e.record.Exchange()
	result.Header, result.Trailer = ownHeaders(e.answer.Header), e.answer.Trailer
	return result
}

// ownHeaders leaves out what belongs to HTTP and not to the answer.
func ownHeaders(header http.Header) http.Header {
	own := header.Clone()
	for _, name := range documents.GenericHeaders {
		own.Del(name)
	}
	return own
}

// Raw sends a request that no method stands for.
func (t *restTransport) Raw(ctx context.Context, step *Step, header http.Header) (*Result, error) {
	verb, target, ok := strings.Cut(step.HTTP, " ")
	if !ok {
		return nil, fmt.Errorf("%q is not a verb and a target", step.HTTP)
	}
	var body io.Reader
	if step.Body != nil {
		body = bytes.NewReader(step.Body)
		if step.Chunked {
			body = io.MultiReader(body) // net/http doesn't know its length
		}
	}
	request, err := http.NewRequestWithContext(ctx, verb, t.base+target, body)
	if err != nil {
		return nil, err
	}
	request.Header = header
	answer, record, err := documents.Record(t.client, request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	result := &Result{HTTP: answer.StatusCode, Header: answer.Header, Trailer: answer.Trailer, Body: string(data), Exchange: record.Exchange()}
	if answer.StatusCode < http.StatusBadRequest {
		return result, result.readLines(answer.Header.Get("Content-Type"), data)
	}
	if verb == http.MethodHead {
		return result, nil
	}
	result.Error = &spb.Status{}
	err = readMessage(data, result.Error)
	result.Code = codes.Code(result.Error.GetCode())
	return result, err
}

// readLines reads the JSON values or the events of an answer.
func (r *Result) readLines(mediaType string, data []byte) error {
	if mediaType == "text/event-stream" {
		return r.readEvents(string(data))
	}
	if !strings.HasPrefix(mediaType, "application/") {
		return nil
	}
	for line := range bytes.Lines(data) {
		value, err := parseJSON(line)
		if err != nil {
			return fmt.Errorf("%w in %q", err, clip(string(line)))
		}
		r.Answers = append(r.Answers, value)
	}
	return nil
}
