package load

import (
	"context"
	"crypto/tls"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
)

// GRPC is a client of one gRPC address over TLS, with a number of connections that its clients share evenly.
//
// It is grpc-go's own, but takes and gives messages as bytes: decoding them would cost as much as serving them.
type GRPC struct {
	connections []*grpc.ClientConn
}

// NewGRPC makes a client with so many connections.
func NewGRPC(address string, config *tls.Config, connections int) (*GRPC, error) {
	g := &GRPC{}
	for range connections {
		connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(bytesCodec{})))
		if err != nil {
			g.Close()
			return nil, err
		}
		g.connections = append(g.connections, connection)
	}
	return g, nil
}

// Close closes the connections.
func (g *GRPC) Close() {
	for _, connection := range g.connections {
		connection.Close()
	}
}

// A Message is what a client sends again and again.
type Message struct {
	Method        string             // /package.Service/Method
	Authorization string             // the header's value; empty for none
	Body          func() []byte      // of the next call, encoded
	Check         func([]byte) error // of the answer, encoded; its status is OK
}

// Call makes the calls of the client with that number.
func (g *GRPC) Call(client int, m Message) Call {
	connection := g.connections[client%len(g.connections)]
	var outgoing metadata.MD
	if m.Authorization != "" {
		outgoing = metadata.Pairs("authorization", m.Authorization)
	}
	var request, answer []byte
	return func(ctx context.Context) error {
		if outgoing != nil {
			ctx = metadata.NewOutgoingContext(ctx, outgoing)
		}
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		request = m.Body()
		if err := connection.Invoke(ctx, m.Method, &request, &answer); err != nil {
			return err
		}
		return m.Check(answer)
	}
}

// bytesCodec takes *[]byte for messages that are encoded already.
type bytesCodec struct{}

// Name is that of the encoding on the wire.
func (bytesCodec) Name() string { return "proto" }

// Marshal sends the bytes; they are not changed before the call has ended.
func (bytesCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

// Unmarshal copies the bytes into the memory of the last answer.
func (bytesCodec) Unmarshal(data mem.BufferSlice, v any) error {
	to := v.(*[]byte)
	size := data.Len()
	if cap(*to) < size {
		*to = make([]byte, size)
	}
	*to = (*to)[:size]
	data.CopyTo(*to)
	return nil
}
