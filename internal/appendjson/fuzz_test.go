package appendjson_test

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	v2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/appendjson/kinds"
)

// Whatever decodes as an order is written as protojson writes it.
func FuzzOrder(f *testing.F) {
	fuzz(f, sample(), func() proto.Message { return new(v2.Order) })
}

// A message of kinds.proto can hold what the contracts can't.
func FuzzKinds(f *testing.F) {
	seed := &kinds.Singular{AString: "s", ABytes: []byte{0}, AnInt64: -1, AFloat: 1e21, ADouble: 1e-7, Colour: kinds.Colour_RED, Again: &kinds.Singular{Last: 1}}
	fuzz(f, seed, func() proto.Message { return new(kinds.Singular) })
}

func fuzz(f *testing.F, seed proto.Message, empty func() proto.Message) {
	data, err := proto.Marshal(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		if m := empty(); proto.Unmarshal(data, m) == nil {
			compare(t, m)
		}
	})
}

// No decoder has seen these: they may be no UTF-8.
func FuzzString(f *testing.F) {
	for _, seed := range append(texts, badTexts...) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) { compare(t, wrapperspb.String(s)) })
}
