package server

import (
	"context"
	"fmt"
	"reflect"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// inProcessConn is the in-process connection: its client's side, and where its services are registered. It ends its calls
// when the server is cut off, as a network connection would.
type inProcessConn struct {
	channel *inprocgrpc.Channel
	unary   map[string]unaryHandler // by full name
	cut     context.Context         // ends when calls are cut off
}

// unaryHandler answers a unary method, the chain included.
type unaryHandler struct {
	handle         grpc.MethodHandler
	implementation any
}

var (
	_ grpc.ClientConnInterface = (*inProcessConn)(nil)
	_ grpc.ServiceRegistrar    = (*inProcessConn)(nil)
)

// RegisterService implements grpc.ServiceRegistrar.
func (c *inProcessConn) RegisterService(desc *grpc.ServiceDesc, implementation any) {
	c.channel.RegisterService(desc, implementation)
	for _, method := range desc.Methods {
		c.unary["/"+desc.ServiceName+"/"+method.MethodName] = unaryHandler{method.Handler, implementation}
	}
}

// Invoke implements grpc.ClientConnInterface. The handler runs on the caller's goroutine, where the channel would start
// one: that saves a stack and two switches, and no handler outlives its call.
func (c *inProcessConn) Invoke(ctx context.Context, method string, request, response any, options ...grpc.CallOption) error {
	unary, ok := c.unary[method]
	if !ok {
		return c.channel.Invoke(ctx, method, request, response, options...) // which says so
	}
	sent := &sentMetadata{method: method}
	answer, err := unary.handle(unary.implementation, sent.serve(ctx), func(message any) error {
		return sharing{}.Copy(message, request)
	}, nil)
	sent.answer(options)
	if err != nil {
		return err
	}
	return sharing{}.Copy(response, answer)
}

// NewStream implements grpc.ClientConnInterface.
func (c *inProcessConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	// The stream ends with the context of its caller, which frees what bind has made.
	ctx, cancel := c.bind(ctx)
	stream, err := c.channel.NewStream(ctx, desc, method, options...)
	if err != nil {
		cancel()
		return nil, c.explain(err)
	}
	return stream, nil
}

// bind makes a context that ends when the caller's does, or when calls are cut off.
func (c *inProcessConn) bind(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.cut, cancel)
	context.AfterFunc(ctx, func() { stop() })
	return ctx, cancel
}

// explain says that the server is going away, where the caller would only see that its call was canceled.
func (c *inProcessConn) explain(err error) error {
	if c.cut.Err() == nil {
		return err
	}
	return shuttingDown().Err()
}

func shuttingDown() *status.Status {
	return apierror.New(apiv1.ErrorReason_SERVICE_UNAVAILABLE, "the server is shutting down; try again", apierror.RetryAfter(apierror.RetryDelay))
}

// sentMetadata keeps the metadata that the handler of a unary call sends.
type sentMetadata struct {
	method          string
	header, trailer metadata.MD
}

var _ grpc.ServerTransportStream = (*sentMetadata)(nil)

// serve is the context of the handler: what its caller sends is what it gets.
func (s *sentMetadata) serve(ctx context.Context) context.Context {
	received, _ := metadata.FromOutgoingContext(ctx)
	return grpc.NewContextWithServerTransportStream(metadata.NewIncomingContext(ctx, received), s)
}

// answer gives the metadata to the options of the call that ask for it.
func (s *sentMetadata) answer(options []grpc.CallOption) {
	for _, option := range options {
		switch option := option.(type) {
		case grpc.HeaderCallOption:
			*option.HeaderAddr = s.header
		case grpc.TrailerCallOption:
			*option.TrailerAddr = s.trailer
		}
	}
}

func (s *sentMetadata) Method() string { return s.method }

func (s *sentMetadata) SetHeader(md metadata.MD) error {
	s.header = with(s.header, md)
	return nil
}

func (s *sentMetadata) SendHeader(md metadata.MD) error { return s.SetHeader(md) }

func (s *sentMetadata) SetTrailer(md metadata.MD) error {
	s.trailer = with(s.trailer, md)
	return nil
}

// with is both together. Neither is changed; most often there is one.
func with(md, more metadata.MD) metadata.MD {
	if len(md) == 0 {
		return more
	}
	return metadata.Join(md, more)
}

// sharing hands messages over the in-process connection without copying what is in them: the two sides share it. That is
// safe because neither side changes a message after it has handed it over, which is a rule for every handler here, and
// what grpc-gateway's handlers do by themselves.
type sharing struct{}

var _ inprocgrpc.Cloner = sharing{}

// Copy makes out the same message as in.
func (sharing) Copy(out, in any) error {
	dst, ok := out.(proto.Message)
	src, okSrc := in.(proto.Message)
	if !ok || !okSrc {
		return fmt.Errorf("can't hand over %T as %T", in, out)
	}
	to, from := reflect.ValueOf(dst), reflect.ValueOf(src)
	if to.Type() != from.Type() {
		return fmt.Errorf("can't hand over %T as %T", in, out)
	}
	// The struct whole, with what the runtime keeps in it: that is the same for all messages of a type. Field by field, by
	// the reflection of protobuf, it would cost as much as the rest of the call.
	to.Elem().Set(from.Elem())
	return nil
}

// Clone hands over the message itself.
func (sharing) Clone(in any) (any, error) { return in, nil }
