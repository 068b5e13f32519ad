package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"ordermanagement/internal/appendjson"
)

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"

	// maxDepth is how deep messages may nest in JSON. Those of the contract reach six.
	maxDepth = 64
)

// codec translates messages to JSON and back, as ProtoJSON defines it: names in lowerCamelCase, and fields that are not
// populated left out, which is what the JSON of Google's own APIs does. It is strict in what it reads.
type codec struct{}

var (
	_ runtime.Marshaler = codec{}
	_ runtime.Delimited = codec{}
)

func (codec) ContentType(any) string { return typeJSON }

// Delimiter follows each record of a stream: it ends the line, or, as an empty line, the event.
func (codec) Delimiter() []byte { return []byte("\n") }

// Marshal takes a message, an event, or what runtime.ForwardResponseStream makes of them: a map with "result" or with
// "error".
func (codec) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case proto.Message:
		return marshal("", v, "\n") // a terminal's prompt then begins a line of its own
	case *answer:
		return v.marshal()
	case event:
		return marshal(v.head(), v.data, "\n")
	case map[string]any:
		switch result := v["result"].(type) {
		case event:
			return codec{}.Marshal(result) // events have kinds, and no need of an envelope
		case proto.Message:
			return marshal(`{"result":`, result, `}`)
		}
	case map[string]proto.Message:
		return marshal(`{"error":`, v["error"], `}`)
	}
	return nil, fmt.Errorf("no JSON for %T", v)
}

// marshal puts the JSON of a message between two strings.
func marshal(before string, m proto.Message, after string) ([]byte, error) {
	out, err := appendjson.Message(append(make([]byte, 0, usualBytes), before...), m)
	if err != nil {
		return nil, err
	}
	return append(out, after...), nil
}

func (codec) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		data, err := codec{}.Marshal(v)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
}

// NewDecoder reads the records of a stream one by one, and any other body as one value.
func (codec) NewDecoder(r io.Reader) runtime.Decoder {
	if records, ok := r.(*records); ok {
		return records
	}
	return runtime.DecoderFunc(func(v any) error {
		data, err := readAll(r)
		if err != nil {
			return err
		}
		if blank(data) {
			return io.EOF // the generated code then leaves the message as it is; admit has refused it where it matters
		}
		return codec{}.Unmarshal(data, v)
	})
}

// Unmarshal reads exactly one JSON value into a message, or into the field of a message that is to hold one.
func (codec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok {
		field := reflect.ValueOf(v)
		if field.Kind() != reflect.Pointer || field.Elem().Kind() != reflect.Pointer {
			return fmt.Errorf("no JSON for %T", v)
		}
		if field.Elem().IsNil() {
			field.Elem().Set(reflect.New(field.Type().Elem().Elem()))
		}
		if m, ok = field.Elem().Interface().(proto.Message); !ok {
			return fmt.Errorf("no JSON for %T", v)
		}
	}
	return protojson.UnmarshalOptions{RecursionLimit: maxDepth}.Unmarshal(data, m)
}

// blank reports whether data is nothing but JSON's white space (RFC 8259, 2).
func blank(data []byte) bool {
	return len(bytes.Trim(data, " \t\r\n")) == 0
}

// payload is a unary request's body that was read already.
type payload struct {
	bytes.Reader
	data []byte
}

func newPayload(data []byte) *payload {
	p := &payload{data: data}
	p.Reset(data)
	return p
}

func (*payload) Close() error { return nil }

func readAll(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, errors.New("no body")
	}
	if p, ok := r.(*payload); ok {
		return p.data, nil
	}
	return io.ReadAll(r)
}
