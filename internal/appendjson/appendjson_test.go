package appendjson_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	_ "ordermanagement/gen/ecommerce"
	_ "ordermanagement/gen/helloworld"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/appendjson"
	"ordermanagement/internal/appendjson/kinds"
)

// compare appends a message after something else, and reports whether it has JSON.
func compare(t testing.TB, m proto.Message) bool {
	t.Helper()
	const before = "before"
	got, err := appendjson.Message([]byte(before), m)
	spaced, wantErr := protojson.Marshal(m)
	if wantErr != nil {
		if err == nil {
			t.Errorf("%T: got %s, want the error %v", m, got, wantErr)
		}
		return false
	}
	want := bytes.NewBufferString(before)
	if err := json.Compact(want, spaced); err != nil {
		t.Fatal(err)
	}
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%T:\n got %s, %v\nwant %s", m, got, err, want)
	}
	return true
}

// ours calls f with the files of the contracts, and with kinds.proto.
func ours(f func(protoreflect.FileDescriptor)) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		options, _ := file.Options().(*descriptorpb.FileOptions)
		if path := options.GetGoPackage(); strings.HasPrefix(path, "ordermanagement/gen/") || path == "ordermanagement/internal/appendjson/kinds" {
			f(file)
		}
		return true
	})
}

func walk(messages protoreflect.MessageDescriptors, f func(protoreflect.FullName)) {
	for i := range messages.Len() {
		if m := messages.Get(i); !m.IsMapEntry() {
			f(m.FullName())
			walk(m.Messages(), f)
		}
	}
}

func TestEveryMessageIsWrittenAsProtojsonWritesIt(t *testing.T) {
	const (
		seed     = 20
		messages = 200 // of each type
	)
	names := []protoreflect.FullName{"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.StringValue", "google.protobuf.FieldMask", "google.type.Money"}
	ours(func(file protoreflect.FileDescriptor) {
		walk(file.Messages(), func(name protoreflect.FullName) { names = append(names, name) })
	})
	slices.Sort(names)
	r := &random{Rand: rand.New(rand.NewPCG(seed, seed))}
	written, refused := 0, 0
	for _, name := range names {
		mt, err := protoregistry.GlobalTypes.FindMessageByName(name)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, mt.New().Interface())
		compare(t, mt.Zero().Interface()) // a nil pointer
		for i := range messages {
			r.hostile = i%2 == 0
			m := mt.New()
			r.fill(m, 0)
			if compare(t, m.Interface()) {
				written++
			} else {
				refused++
			}
			if t.Failed() {
				t.FailNow() // a second message would say the same
			}
		}
	}
	if t.Logf("%d types, %d messages written, %d refused", len(names), written, refused); written < 10*messages || refused < messages {
		t.Error("the messages are one-sided")
	}
}

// What random does not make, or too seldom to rely on.
func TestEdges(t *testing.T) {
	failure, err := status.New(codes.NotFound, "no such order").WithDetails(&errdetails.ErrorInfo{Reason: "NOT_FOUND", Metadata: map[string]string{"b": "1", "a": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []proto.Message{
		nil,
		failure.Proto(),
		&kinds.Chosen{Choice: (*kinds.Chosen_AString)(nil)},
		&kinds.Chosen{Choice: &kinds.Chosen_Chosen{}},
		&kinds.Chosen{Choice: &kinds.Chosen_Time{}},
		&kinds.Present{ABytes: []byte{}, AString: proto.String("")},
		&kinds.Singular{ABytes: []byte{}},
		&kinds.Repeated{Times: []*timestamppb.Timestamp{nil}, Repeated: []*kinds.Repeated{nil, {}}},
		&kinds.Mapped{Mapped: map[string]*kinds.Mapped{"": nil, "a": {}}, Durations: map[int32]*durationpb.Duration{-1: nil, 1: {Nanos: -1}}},
		&v1.CombinedShipment{OrdersList: []*v1.Order{nil, {Price: 1e21}}},
		&durationpb.Duration{Seconds: -1, Nanos: 1},
		&durationpb.Duration{Seconds: 1, Nanos: -1},
		&durationpb.Duration{Nanos: -500000000},
		&money.Money{CurrencyCode: "\xff"},
	} {
		compare(t, m)
	}
}

// An answer is never written by reflection, at any depth: that would be slow and right, so no other test would tell.
func TestAnswersAreWrittenWithoutAllocation(t *testing.T) {
	types := map[protoreflect.FullName]protoreflect.MessageType{}
	var reach func(protoreflect.MessageDescriptor)
	reach = func(m protoreflect.MessageDescriptor) {
		if types[m.FullName()] != nil {
			return
		}
		if !m.IsMapEntry() {
			mt, err := protoregistry.GlobalTypes.FindMessageByName(m.FullName())
			if err != nil {
				t.Fatal(err)
			}
			types[m.FullName()] = mt
		}
		for i := range m.Fields().Len() {
			if field := m.Fields().Get(i); field.Message() != nil {
				reach(field.Message())
			}
		}
	}
	ours(func(file protoreflect.FileDescriptor) {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				reach(methods.Get(j).Output())
			}
		}
	})
	if types["ordermanagement.v2.Order"] == nil || types["google.protobuf.StringValue"] == nil {
		t.Fatalf("reached only %d types", len(types))
	}
	buffer := make([]byte, 0, 1<<20)
	for name, mt := range types {
		m := mt.New().Interface()
		allocations := testing.AllocsPerRun(10, func() {
			if _, err := appendjson.Message(buffer, m); err != nil {
				t.Error(name, err)
			}
		})
		if allocations > 0 {
			t.Errorf("%s is an answer, or a part of one, and takes %v allocations: package appendjson doesn't know it", name, allocations)
		}
	}
}

// The order of the design's benchmarks takes none either, with all its maps and lists.
func TestAnOrderIsWrittenWithoutAllocation(t *testing.T) {
	m, buffer := sample(), make([]byte, 0, 4096)
	if got := testing.AllocsPerRun(10, func() { _, _ = appendjson.Message(buffer, m) }); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

// An error leads to the field, for the log.
func TestErrorsNameTheField(t *testing.T) {
	for want, m := range map[string]proto.Message{
		"line_items: unit_price: currency_code: invalid UTF-8": &v2.Order{LineItems: []*v2.LineItem{{}, {UnitPrice: &money.Money{CurrencyCode: "\xff"}}}},
		"labels: invalid UTF-8":                                &v2.Order{Labels: map[string]string{"\xff": ""}},
		"create_time: out of range":                            &v2.Order{CreateTime: &timestamppb.Timestamp{Nanos: -1}},
		"invalid UTF-8":                                        wrapperspb.String("\xff"),
	} {
		if b, err := appendjson.Message(nil, m); b != nil || err == nil || err.Error() != want {
			t.Errorf("got %q, %v, want %s", b, err, want)
		}
	}
}
