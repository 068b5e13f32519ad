// Package appendjson writes messages as ProtoJSON (https://protobuf.dev/programming-guides/json/), byte for byte as
// protojson.Marshal with its default options does, but for the spaces that protojson puts in at random, and without
// reflection. It is what the code of protoc-gen-appendjson is made of: a method AppendJSON for every message of the
// contracts.
//
// As in the standard library, Append functions return the extended buffer; after an error it is nil. JSON has no way to
// write strings that are not UTF-8, and times out of range; these, and what protojson refuses, are the errors.
package appendjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Appender is a message that has the generated method.
type Appender interface {
	proto.Message
	AppendJSON(b []byte) ([]byte, error)
}

// Message appends any message. One that neither has the method nor is of a type known here, such as a
// google.rpc.Status, whose details only reflection can tell, costs what protojson does.
func Message(b []byte, m proto.Message) ([]byte, error) {
	switch m := m.(type) {
	case *timestamppb.Timestamp:
		return timestamp(b, m)
	case *durationpb.Duration:
		return duration(b, m)
	case *wrapperspb.StringValue:
		return String(b, m.GetValue())
	case *money.Money:
		return amount(b, m)
	case Appender:
		return m.AppendJSON(b)
	}
	spaced, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(b)
	if err := json.Compact(out, spaced); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Object makes an object of the members that were appended since start, each with a comma before it.
func Object(b []byte, start int) []byte {
	return enclose(b, start, '{', '}')
}

// Array makes an array of the elements that were appended since start, each with a comma before it.
func Array(b []byte, start int) []byte {
	return enclose(b, start, '[', ']')
}

func enclose(b []byte, start int, first, last byte) []byte {
	if len(b) == start {
		return append(b, first, last)
	}
	b[start] = first // instead of the first comma
	return append(b, last)
}

// Room makes room for the rest of a list once there is none for one more element, so that a long list is not copied over
// and over as append grows it by quarters. It expects elements like those so far, but a large one among the first must
// not be taken for all of them.
func Room(b []byte, start, written, elements int) []byte {
	const atMost = 4 // times what there is
	size := (len(b) - start) / written
	if cap(b)-len(b) >= size {
		return b
	}
	return slices.Grow(b, min(size*(elements-written), atMost*len(b)))
}

// FewKeys is how many keys of a map are sorted without an allocation.
const FewKeys = 16

// Keys appends the keys of a map to an empty slice, in the order in which protojson writes them.
func Keys[K cmp.Ordered, V any](keys []K, m map[K]V) []K {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
