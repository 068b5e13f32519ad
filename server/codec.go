package server

import (
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// received is a message on its way in. grpc-go answers a message that can't be decoded by itself, as INTERNAL; decoding
// into one of these keeps the error for the registrar, which says what it means.
type received struct {
	message  proto.Message
	maxBytes int   // of it, encoded
	err      error // that it can't be decoded
	excess   error // that it must not be
}

// codec is gRPC's protobuf codec, but for messages that are received.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(protocodec.Name)} }

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	r, ok := v.(*received)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	if data.Len() > r.maxBytes {
		r.excess = tooLarge(r.maxBytes)
		return nil
	}
	if r.excess = checkElements(data, r.message.ProtoReflect().Descriptor()); r.excess == nil {
		r.err = c.CodecV2.Unmarshal(data, r.message)
	}
	return nil
}

func checkElements(data mem.BufferSlice, of protoreflect.MessageDescriptor) error {
	if data.Len() <= maxMessages { // each takes two bytes
		return nil
	}
	encoded := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer encoded.Free()
	return excess(encoded.ReadOnlyData(), of)
}
