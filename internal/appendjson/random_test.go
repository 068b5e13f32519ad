package appendjson_test

import (
	"math"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// random fills messages with values at which encoders differ.
type random struct {
	*rand.Rand
	hostile bool // also with what has no JSON: some of these fail
}

const maxNesting = 3

var (
	texts = []string{"", "plain", "0", "naïve ☃ 😀", "\x00\x01\b\t\n\v\f\r\x1b\x1f \x7f", `"quoted\"`, "<a href='x'>&amp;</a>", "\u2028\u2029\u0080\ufeff\ufffd\uffff\U0010ffff", "/\\/\\", "€"}
	// Each ends or begins in the middle of a character, is a surrogate, overlong, or beyond Unicode.
	badTexts = []string{"\xff", "a\xc3", "\x80z", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\xe2\x82", "\n\xfe\n"}
	integers = []int64{0, 1, -1, 9, 10, math.MaxInt8, math.MaxInt32, math.MinInt32, math.MaxUint32, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64}
	floats   = []float64{0, math.Copysign(0, -1), 1, -1.5, 0.1, 1.0 / 3, 16777217, 1e-5, 1e-6, 9.999999e-7, 1e-7, 1e-10, 1e-100, 1e20, 9.999999e20, 1e21, 1.5e21, 1e22, 1e100, -1e-7, -1e21,
		math.Nextafter(1e-6, 0), math.Nextafter(1e21, 0), float64(math.Nextafter32(1e-6, 0)), float64(math.Nextafter32(1e-6, 1)), float64(math.Nextafter32(1e21, 0)), float64(math.Nextafter32(1e21, 1e22)),
		math.MaxFloat32, math.SmallestNonzeroFloat32, math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}
	nanos       = []int64{0, 1, 10, 1000, 120000, 1000000, 100000000, 123456789, 999999999, 999000000}
	badNanos    = []int64{-1, -999999999, 1e9, -1e9, math.MaxInt32, math.MinInt32}
	seconds     = []int64{0, 1, -1, 59, 951782400, 1234567890, -62135596800, 253402300799}
	badSeconds  = []int64{-62135596801, 253402300800, 315576000000, -315576000000, 315576000001, -315576000001, math.MaxInt64, math.MinInt64}
	paths       = []string{"name", "line_items", "a.b_c", "a1"}
	badPaths    = []string{"", "lineItems", "a__b", "a_1", "a,b", "a.", "\xff", "_a"}
	googleTimes = map[protoreflect.FullName]bool{"google.protobuf.Timestamp": true, "google.protobuf.Duration": true}
)

func pick[T any](r *random, good, bad []T) T {
	if r.hostile && r.IntN(12) == 0 {
		return bad[r.IntN(len(bad))]
	}
	return good[r.IntN(len(good))]
}

func (r *random) fill(m protoreflect.Message, nesting int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		oneof := field.ContainingOneof()
		if oneof != nil && oneof.IsSynthetic() {
			oneof = nil
		}
		if oneof != nil && r.IntN(oneof.Fields().Len()) > 0 || r.IntN(3) == 0 || field.Message() != nil && nesting >= maxNesting {
			continue
		}
		switch {
		case field.IsMap():
			for range r.length() {
				value := r.value(m.NewField(field).Map().NewValue(), field.MapValue(), nesting, true)
				m.Mutable(field).Map().Set(r.value(protoreflect.Value{}, field.MapKey(), nesting, false).MapKey(), value)
			}
		case field.IsList():
			list := m.Mutable(field).List()
			for range r.length() {
				list.Append(r.value(list.NewElement(), field, nesting, true))
			}
		default:
			m.Set(field, r.value(m.NewField(field), field, nesting, oneof != nil))
		}
	}
	if r.IntN(4) == 0 {
		m.SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 9999, protowire.BytesType), "from a newer contract"))
	}
}

// length is that of a list or map. Seldom it has more keys than are sorted in place.
func (r *random) length() int {
	if r.IntN(20) == 0 {
		return 40
	}
	return r.IntN(4)
}

// value makes one for a field, or an element of it; empty is what it is before that, and null whether it may be nil.
func (r *random) value(empty protoreflect.Value, field protoreflect.FieldDescriptor, nesting int, null bool) protoreflect.Value {
	parent := field.ContainingMessage().FullName()
	switch kind := field.Kind(); kind {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.StringKind:
		if parent == "google.protobuf.FieldMask" {
			return protoreflect.ValueOfString(pick(r, paths, badPaths))
		}
		return protoreflect.ValueOfString(r.text())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(strings.Repeat("\xfb\xff\x00", r.IntN(3)) + texts[r.IntN(len(texts))]))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(r.float32())
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(r.float64())
	case protoreflect.EnumKind:
		numbers := []protoreflect.EnumNumber{0, 1, 2, 3, -1, 77, math.MaxInt32, math.MinInt32}
		return protoreflect.ValueOfEnum(numbers[r.IntN(len(numbers))])
	case protoreflect.MessageKind:
		if null && r.IntN(6) == 0 {
			return protoreflect.ValueOfMessage(empty.Message().Type().Zero()) // a nil pointer
		}
		r.fill(empty.Message(), nesting+1)
		return empty
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n := r.integer()
		if googleTimes[parent] {
			n = pick(r, nanos, badNanos)
		}
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n := r.integer()
		if googleTimes[parent] {
			n = pick(r, seconds, badSeconds)
		}
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(r.integer()))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(r.integer()))
	default:
		panic(kind.String() + " is not in proto3")
	}
}

func (r *random) text() string {
	s := pick(r, texts, badTexts)
	if r.IntN(4) == 0 {
		s += pick(r, texts, badTexts)
	}
	if r.IntN(30) == 0 {
		s = strings.Repeat("long ", 500) + s
	}
	return s
}

func (r *random) integer() int64 {
	if r.IntN(2) == 0 {
		return int64(r.Uint64()) >> r.IntN(64)
	}
	return integers[r.IntN(len(integers))]
}

func (r *random) float32() float32 {
	if r.IntN(2) == 0 {
		return math.Float32frombits(r.Uint32())
	}
	return float32(floats[r.IntN(len(floats))])
}

func (r *random) float64() float64 {
	if r.IntN(2) == 0 {
		return math.Float64frombits(r.Uint64())
	}
	return floats[r.IntN(len(floats))]
}
