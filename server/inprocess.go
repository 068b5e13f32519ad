package server

import (
	"context"
	"fmt"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// inProcessConn is the client's side of the in-process connection. It ends its calls when the server is cut off, as a
// network connection would.
type inProcessConn struct {
	channel *inprocgrpc.Channel
	cut     context.Context // ends when calls are cut off
}

var _ grpc.ClientConnInterface = (*inProcessConn)(nil)

// Invoke implements grpc.ClientConnInterface.
func (c *inProcessConn) Invoke(ctx context.Context, method string, request, response any, options ...grpc.CallOption) error {
	ctx, cancel := c.bind(ctx)
	defer cancel()
	if err := c.channel.Invoke(ctx, method, request, response, options...); err != nil {
		return c.explain(err)
	}
	return nil
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
	to, from := dst.ProtoReflect(), src.ProtoReflect()
	if to.Descriptor() != from.Descriptor() {
		return fmt.Errorf("can't hand over %s as %s", from.Descriptor().FullName(), to.Descriptor().FullName())
	}
	proto.Reset(dst)
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		to.Set(field, value)
		return true
	})
	to.SetUnknown(from.GetUnknown())
	return nil
}

// Clone hands over the message itself.
func (sharing) Clone(in any) (any, error) { return in, nil }
