package server

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pbv2 "ordermanagement/gen/ordermanagement/v2"
)

// What is counted is no less than what a decoder makes.
func FuzzWireCount(f *testing.F) {
	seed, err := proto.Marshal(&pbv2.CreateOrderRequest{Order: &pbv2.Order{
		Labels: map[string]string{"a": "b"}, LineItems: []*pbv2.LineItem{{}, {Title: "Lamp"}}, Customer: &pbv2.Customer{Id: "c"},
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(protowire.AppendTag(nil, 1, protowire.BytesType))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		request := &pbv2.CreateOrderRequest{}
		count := wireCount{}
		count.add(encoded, request.ProtoReflect().Descriptor())
		if proto.Unmarshal(encoded, request) != nil {
			return
		}
		if made := messagesIn(request.ProtoReflect()); count.messages < made {
			t.Errorf("counts %d messages of %d", count.messages, made)
		}
	})
}

func messagesIn(m protoreflect.Message) (n int) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			n += value.Map().Len()
		case field.IsList() && field.Message() != nil:
			for i := range value.List().Len() {
				n += 1 + messagesIn(value.List().Get(i).Message())
			}
		case !field.IsList() && field.Message() != nil:
			n += 1 + messagesIn(value.Message())
		}
		return true
	})
	return n
}
