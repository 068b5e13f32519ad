package corpus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// grpcTransport calls the server by gRPC. With published it calls v1 under the names under which it was published.
type grpcTransport struct {
	name      string
	conn      *grpc.ClientConn
	published bool
}

// GRPC makes a transport of a connection, which it closes at its end.
func GRPC(name string, conn *grpc.ClientConn, published bool) Transport {
	return &grpcTransport{name: name, conn: conn, published: published}
}

func (t *grpcTransport) Name() string     { return t.name }
func (t *grpcTransport) Protocol() string { return "grpc" }
func (t *grpcTransport) Close()           { _ = t.conn.Close() }

// publishedName is "ordermanagement.v1.OrderManagement/AddOrder" as "ecommerce.OrderManagement/addOrder".
func publishedName(method protoreflect.MethodDescriptor) (protoreflect.MethodDescriptor, error) {
	service, ok := strings.CutPrefix(string(method.Parent().FullName()), "ordermanagement.v1.")
	if !ok {
		return method, nil
	}
	name := string(method.Name())
	return methodOf("ecommerce." + service + "/" + strings.ToLower(name[:1]) + name[1:])
}

// maxAnswer is how large an answer may be, in bytes: a list of everything may be larger than grpc-go expects.
const maxAnswer = 64 << 20

// bare sends and receives messages as the bytes that they are.
type bare struct{}

func (bare) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (bare) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (bare) Name() string { return "proto" }

func (t *grpcTransport) Begin(ctx context.Context, call Call) (Exchange, error) {
	method := call.Method
	if t.published {
		var err error
		if method, err = publishedName(method); err != nil {
			return nil, err
		}
	}
	outgoing := metadata.MD{}
	for key, values := range call.Metadata {
		outgoing.Append(key, values...)
	}
	desc := &grpc.StreamDesc{ClientStreams: method.IsStreamingClient(), ServerStreams: method.IsStreamingServer()}
	full := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	if call.Path != "" {
		full = call.Path
	}
	ctx = metadata.NewOutgoingContext(ctx, outgoing)
	stream, err := t.conn.NewStream(ctx, desc, full, grpc.ForceCodec(bare{}), grpc.MaxCallRecvMsgSize(maxAnswer))
	if err != nil {
		return nil, err
	}
	return &grpcExchange{stream: stream, method: method}, nil
}

type grpcExchange struct {
	stream grpc.ClientStream
	method protoreflect.MethodDescriptor
	single bool // the one answer of a call that doesn't stream them was received
	err    error
}

func (e *grpcExchange) Send(m *Message) error {
	var data []byte
	if m.Undecodable != nil {
		data = m.Undecodable.Protobuf
	} else {
		var err error
		if data, err = proto.Marshal(m.Proto); err != nil {
			return err
		}
	}
	if err := e.stream.SendMsg(data); err != nil && !errors.Is(err, io.EOF) { // io.EOF: Receive tells why
		return err
	}
	return nil
}

func (e *grpcExchange) CloseSend() error { return e.stream.CloseSend() }

func (e *grpcExchange) Receive() (proto.Message, error) {
	if e.single {
		return nil, nil
	}
	var data []byte
	if err := e.stream.RecvMsg(&data); err != nil {
		if !errors.Is(err, io.EOF) {
			e.err = err
		}
		return nil, nil
	}
	e.single = !e.method.IsStreamingServer()
	answer, err := newMessage(e.method.Output())
	if err != nil {
		return nil, err
	}
	return answer, proto.Unmarshal(data, answer)
}

func (e *grpcExchange) Result() *Result {
	header, _ := e.stream.Header() // its error is that of the call
	result := &Result{Header: http.Header{}, Trailer: http.Header{}}
	for key, values := range header {
		if key != "content-type" {
			result.Header[httpName(key)] = values
		}
	}
	for key, values := range e.stream.Trailer() {
		if !strings.HasPrefix(key, "grpc-") && key != "content-type" {
			result.Trailer[trailerName(key)] = values
		}
	}
	if e.err != nil {
		st := status.Convert(e.err)
		result.Code, result.Error = st.Code(), st.Proto()
	} else {
		result.Code = codes.OK
	}
	return result
}
