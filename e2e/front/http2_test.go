package front

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
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
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

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
