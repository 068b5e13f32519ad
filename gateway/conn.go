package gateway

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ordermanagement/internal/apierror"
)

// conn is the connection that the generated clients call. It sends the metadata of the call and nothing else, keeps
// what the server sent back, and corrects what the generated code makes of streams.
type conn struct {
	next grpc.ClientConnInterface
}

func (c conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call := callOf(ctx)
	call.called = true
	ctx = metadata.NewOutgoingContext(ctx, call.outgoing)
	err := c.next.Invoke(ctx, method, args, reply, append(opts, grpc.Header(&call.header), grpc.Trailer(&call.trailer))...)
	return orContextError(ctx, err)
}

func (c conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	call := callOf(ctx)
	call.called = true
	ctx, cancel := context.WithCancel(metadata.NewOutgoingContext(ctx, call.outgoing))
	next, err := c.next.NewStream(ctx, desc, method, opts...)
	if err != nil {
		err = orContextError(ctx, err)
		cancel()
		return nil, err
	}
	call.stream = &stream{ClientStream: next, call: call, cancel: cancel, many: desc.ServerStreams, closed: make(chan struct{})}
	return call.stream, nil
}

// orContextError makes up for the in-process channel, which may answer a bare error, such as io.EOF, for a call whose
// context has ended.
func orContextError(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return ctx.Err()
}

// stream is the gRPC stream that the generated code sends to and receives from.
type stream struct {
	grpc.ClientStream
	call   *call
	cancel context.CancelFunc
	many   bool // the server streams

	ended     bool // nothing more can be sent; only the sending goroutine uses it
	closeOnce sync.Once
	closed    chan struct{} // closed when the generated code sends no more
}

// Header never fails: the generated code would then drop the metadata, and RecvMsg says the same again.
func (s *stream) Header() (metadata.MD, error) {
	var header metadata.MD
	_ = s.call.await(func() (err error) {
		header, err = s.ClientStream.Header()
		return err
	})
	s.call.header = header
	return header, nil
}

// SendMsg never fails. When nothing more can be sent, the decoder ends the request, and RecvMsg tells why.
func (s *stream) SendMsg(m any) error {
	defer s.call.containSending()
	if s.call.failure.Load() != nil || s.ended {
		return nil
	}
	err := s.ClientStream.SendMsg(m)
	if err == nil {
		return nil
	}
	s.ended = true
	if !errors.Is(err, io.EOF) && s.call.request.Context().Err() == nil {
		s.call.fail(apierror.Normalize(err))
	}
	return nil
}

// CloseSend half-closes the stream, unless the request failed or could not be sent: then the RPC is over or canceled
// already, and the server must not take what it has for all there is.
func (s *stream) CloseSend() error {
	defer s.closeOnce.Do(func() { close(s.closed) })
	if s.call.failure.Load() != nil || s.ended || s.Context().Err() != nil {
		return nil
	}
	return s.ClientStream.CloseSend()
}

func (s *stream) RecvMsg(m any) error {
	err := s.call.await(func() error { return s.ClientStream.RecvMsg(m) })
	if err == nil && s.many {
		return nil
	}
	s.call.trailer = s.ClientStream.Trailer()
	if err == nil {
		return nil
	}
	if !ownDoing(err) {
		return err
	}
	if s.call.request.Context().Err() != nil {
		// net/http cancels the request's context before it tells the decoder why it can't go on reading.
		s.call.endSending()
	}
	if failure := s.call.failure.Load(); failure != nil {
		return failure.Err()
	}
	return err
}

// ownDoing tells an end that may have come from canceling the RPC here from one that the server chose before that.
func ownDoing(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || status.Code(err) == codes.Canceled
}
