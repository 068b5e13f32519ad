package server

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// What one message may hold. The bytes alone don't bound the memory that decoding takes: two of them make a message of
// hundreds. Messages of the contract have thousands at most: an order has a thousand line items, of some messages each.
const (
	maxMessages = 50_000
	maxElements = 500_000 // of any kind
)

// excess refuses an encoded message that has too much in it. What is no protobuf is for the decoder to refuse.
func excess(encoded []byte, of protoreflect.MessageDescriptor) error {
	count := wireCount{}
	count.add(encoded, of)
	switch {
	case count.messages > maxMessages:
		return apierror.Newf(apiv1.ErrorReason_REQUEST_TOO_LARGE, "the message holds more than %d messages; split it", maxMessages).Err()
	case count.elements > maxElements:
		return apierror.Newf(apiv1.ErrorReason_REQUEST_TOO_LARGE, "the message holds more than %d values; split it", maxElements).Err()
	}
	return nil
}

func tooLarge(maxBytes int) error {
	return apierror.Newf(apiv1.ErrorReason_REQUEST_TOO_LARGE, "the message is larger than %d bytes; split it", maxBytes).Err()
}

// wireCount counts what a decoder would make, as far as it goes before it is too much.
type wireCount struct{ messages, elements int }

func (c *wireCount) add(encoded []byte, of protoreflect.MessageDescriptor) {
	for len(encoded) > 0 && c.messages <= maxMessages && c.elements <= maxElements {
		number, kind, n := protowire.ConsumeTag(encoded)
		if n < 0 {
			return
		}
		encoded = encoded[n:]
		size := protowire.ConsumeFieldValue(number, kind, encoded)
		if size < 0 {
			return
		}
		c.elements++
		field := of.Fields().ByNumber(number)
		if kind == protowire.BytesType && field != nil && field.Message() != nil {
			c.messages++
			value, _ := protowire.ConsumeBytes(encoded)
			c.add(value, field.Message())
		}
		encoded = encoded[size:]
	}
}
