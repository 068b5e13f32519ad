package front

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// patience bounds every wait for an answer.
const patience = 10 * time.Second

// field is one field of a request's header, as it goes over the wire: nothing tidies it up.
type field struct{ name, value string }

// request is what goes over a wire.
type request struct {
	verb, path string
	fields     []field
	body       string
}

// answer is what came back.
type answer struct {
	status int // of HTTP
	reason string
	code   codes.Code // of gRPC
	header http.Header
	body   string
	reset  string // the error code of a stream or connection that was ended without an answer
}

// String is what the tables of this package expect, such as "404 RESOURCE_NOT_FOUND", "200" or "reset PROTOCOL_ERROR".
func (a answer) String() string {
	switch {
	case a.reset != "":
		return "reset " + a.reset
	case a.code != codes.OK:
		return strings.TrimSpace(fmt.Sprint(a.code, " ", a.reason))
	default:
		return strings.TrimSpace(fmt.Sprint(a.status, " ", a.reason))
	}
}

// wire is a connection of its own.
type wire interface {
	// send sends a request and reads its answer. After an error the connection is of no use.
	send(request) (answer, error)
	close()
}

// dialer makes a wire to an address.
type dialer func(t *testing.T, address string, config *tls.Config) wire

func dial(t *testing.T, address string, config *tls.Config, protocol string) net.Conn {
	t.Helper()
	config = config.Clone()
	config.NextProtos = []string{protocol}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// http1 is a connection that speaks HTTP/1.1.
type http1 struct {
	conn   net.Conn
	reader *bufio.Reader
}

func dialHTTP1(t *testing.T, address string, config *tls.Config) wire {
	conn := dial(t, address, config, "http/1.1")
	return &http1{conn, bufio.NewReader(conn)}
}

func (h *http1) close() { _ = h.conn.Close() }

func (h *http1) send(r request) (answer, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", r.verb, r.path)
	for _, f := range r.fields {
		fmt.Fprintf(&text, "%s: %s\r\n", f.name, f.value)
	}
	if r.body != "" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(r.body))
	}
	text.WriteString("\r\n" + r.body)
	return h.sendText(text.String())
}

func (h *http1) sendText(text string) (answer, error) {
	_ = h.conn.SetDeadline(time.Now().Add(patience))
	// A server that has read enough may close while this is being written: what it has answered counts.
	_, writeErr := io.WriteString(h.conn, text)
	a, err := h.receive()
	if err != nil {
		return a, errors.Join(err, writeErr)
	}
	return a, nil
}

func (h *http1) receive() (answer, error) {
	response, err := http.ReadResponse(h.reader, nil)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	a.reason = reasonOf(body)
	if response.Close {
		a.header.Set("Connection", "close")
	}
	return a, err
}

// reasonOf is the reason of an error in JSON; "text" of what is none.
func reasonOf(body []byte) string {
	var failure struct {
		Code    int `json:"code"`
		Details []struct {
			Reason string `json:"reason"`
		} `json:"details"`
	}
	if json.Unmarshal(body, &failure) != nil {
		return "text"
	}
	for _, detail := range failure.Details {
		if detail.Reason != "" {
			return detail.Reason
		}
	}
	return ""
}

// http2Wire is a connection that speaks HTTP/2, and on it gRPC: frame by frame, so that it sends what no client would.
type http2Wire struct {
	conn    net.Conn
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	stream  uint32
}

func dialHTTP2(t *testing.T, address string, config *tls.Config) wire {
	t.Helper()
	conn := dial(t, address, config, "h2")
	w := &http2Wire{conn: conn, framer: http2.NewFramer(conn, conn), stream: 1}
	w.encoder = hpack.NewEncoder(&w.block)
	w.framer.AllowIllegalWrites = true
	w.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := w.framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *http2Wire) close() { _ = w.conn.Close() }

// blockBytes is what one frame holds of a header (RFC 9113, 6.5.2: SETTINGS_MAX_FRAME_SIZE).
const blockBytes = 16 << 10

func (w *http2Wire) send(r request) (answer, error) {
	_ = w.conn.SetDeadline(time.Now().Add(patience))
	w.block.Reset()
	pseudo := []field{{":method", r.verb}, {":scheme", "https"}, {":authority", "localhost"}, {":path", r.path}}
	for _, f := range append(pseudo, r.fields...) {
		if err := w.encoder.WriteField(hpack.HeaderField{Name: f.name, Value: f.value}); err != nil {
			return answer{}, err
		}
	}
	id := w.stream
	w.stream += 2
	block, first := w.block.Bytes(), true
	for first || len(block) > 0 {
		part := block[:min(len(block), blockBytes)]
		block = block[len(part):]
		var err error
		if first {
			err = w.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: part, EndStream: r.body == "", EndHeaders: len(block) == 0})
		} else {
			err = w.framer.WriteContinuation(id, len(block) == 0, part)
		}
		if err != nil {
			break // the server may have seen enough, and said so
		}
		first = false
	}
	if r.body != "" {
		_ = w.framer.WriteData(id, true, []byte(r.body))
	}
	return w.receive(id)
}

func (w *http2Wire) receive(id uint32) (answer, error) {
	a := answer{header: http.Header{}}
	for {
		frame, err := w.framer.ReadFrame()
		if err != nil {
			return a, err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = w.framer.WriteSettingsAck()
			}
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				a.reset = f.ErrCode.String()
				return a, io.EOF
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == id {
				a.reset = f.ErrCode.String()
				return a, nil
			}
		case *http2.DataFrame:
			if n := uint32(len(f.Data())); n > 0 {
				_ = w.framer.WriteWindowUpdate(0, n)
				_ = w.framer.WriteWindowUpdate(f.StreamID, n)
			}
			if f.StreamID == id {
				a.body += string(f.Data())
			}
		case *http2.MetaHeadersFrame:
			if f.StreamID == id {
				a.add(f.Fields)
			}
		}
		if frame.Header().StreamID == id && frame.Header().Flags.Has(http2.FlagDataEndStream) && frame.Header().Type != http2.FrameWindowUpdate {
			break
		}
	}
	a.conclude()
	return a, nil
}

func (a *answer) add(fields []hpack.HeaderField) {
	for _, f := range fields {
		if f.Name == ":status" {
			_, _ = fmt.Sscan(f.Value, &a.status)
			continue
		}
		a.header.Add(f.Name, f.Value)
	}
}

// conclude reads the reason: from the details of gRPC, or else from the body.
func (a *answer) conclude() {
	code := a.header.Get("Grpc-Status")
	if code == "" {
		a.reason = reasonOf([]byte(a.body))
		return
	}
	var number uint32
	_, _ = fmt.Sscan(code, &number)
	a.code = codes.Code(number)
	data, _ := base64.RawStdEncoding.DecodeString(strings.TrimRight(a.header.Get("Grpc-Status-Details-Bin"), "="))
	st := &spb.Status{}
	if proto.Unmarshal(data, st) != nil {
		return
	}
	for _, detail := range st.GetDetails() {
		info := &errdetails.ErrorInfo{}
		if detail.UnmarshalTo(info) == nil {
			a.reason = info.GetReason()
		}
	}
}

// grpcRequest is a unary call on the wire
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
func grpcRequest(method string, message proto.Message, fields []field) (request, error) {
	data, err := proto.Marshal(message)
	body := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(data)))
	own := []field{{"content-type", "application/grpc"}, {"te", "trailers"}}
	return request{"POST", "/ordermanagement.v2.OrderService/" + method, slices.Concat(own, fields), string(append(body, data...))}, err
}
