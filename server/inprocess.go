package server

import (
	"fmt"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

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
