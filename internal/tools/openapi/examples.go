package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"buf.build/go/protovalidate"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"ordermanagement/internal/ordered"
)

// story is the examples of one document: calls that work one after the other on a service with the sample data.
type story struct{ scenes []*scene }

// scene is one call: requests and answers are ProtoJSON of the method's messages.
type scene struct {
	Call     string `yaml:"call"` // "package.Service/Method"
	Request  any    `yaml:"request"`
	Requests []any  `yaml:"requests"`
	Answer   any    `yaml:"answer"`
	Answers  []any  `yaml:"answers"`
	// Links say which parameters of a later operation the answer gives: by operation, the name of the parameter and where
	// to find it (https://spec.openapis.org/oas/v3.1.0#runtime-expressions).
	Links map[string]map[string]string `yaml:"links"`

	operationID string
}

func readStory(path string) (*story, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := parseStory(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func parseStory(data []byte) (*story, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	s := &story{}
	if err := decoder.Decode(&s.scenes); err != nil {
		return nil, err
	}
	for _, scene := range s.scenes {
		service, method, ok := strings.Cut(scene.Call, "/")
		if !ok {
			return nil, fmt.Errorf("%q is no package.Service/Method", scene.Call)
		}
		scene.operationID = service[strings.LastIndexByte(service, '.')+1:] + "_" + method
	}
	return s, nil
}

// show puts the example of a call into its operation: the request taken apart into path, query and body.
func (s *scene) show(op *placed) error {
	var requests, answers []proto.Message
	for _, given := range orOne(s.Requests, s.Request) {
		request, err := message(given, op.method.Input())
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
		if err := op.method.validate(request); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		requests = append(requests, request)
	}
	for _, given := range orOne(s.Answers, s.Answer) {
		answer, err := message(given, op.method.Output())
		if err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		answers = append(answers, answer)
	}
	if err := showRequests(op, requests); err != nil {
		return err
	}
	return s.showAnswers(op, answers)
}

func orOne(several []any, one any) []any {
	if several != nil || one == nil {
		return several
	}
	return []any{one}
}

// message reads ProtoJSON that was written as YAML.
func message(given any, descriptor protoreflect.MessageDescriptor) (proto.Message, error) {
	data, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	m := dynamicpb.NewMessage(descriptor)
	return m, protojson.Unmarshal(data, m)
}

// validate applies the field rules of the contract, for a bare value those of its message.
func (m *method) validate(request proto.Message) error {
	if m.value != nil {
		value := dynamicpb.NewMessage(m.value)
		value.Set(m.value.Fields().ByName("value"), request.ProtoReflect().Get(m.Input().Fields().ByName("value")))
		request = value
	}
	return protovalidate.Validate(request)
}

func showRequests(op *placed, requests []proto.Message) error {
	if op.method.IsStreamingClient() {
		content, _ := op.RequestBody.Content.Get(typeNDJSON)
		return content.showAll(requests, func(m proto.Message) (any, error) { return canonical(m) })
	}
	if len(requests) != 1 {
		return errors.New("there must be one request")
	}
	request := requests[0].ProtoReflect()
	for _, v := range op.variables {
		value, err := takeField(request, v.field)
		if err != nil {
			return err
		}
		op.parameter("path", v.param).Example = strings.TrimPrefix(value.String(), v.prefix)
	}
	var err error
	request.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		p := op.parameter("query", field.JSONName())
		if p == nil {
			return true // of the body
		}
		p.Example, err = canonicalField(request, field)
		return err == nil
	})
	if err != nil || op.RequestBody == nil {
		return err
	}
	body := request
	if op.method.body != "*" {
		body = request.Get(op.method.Input().Fields().ByName(protoreflect.Name(op.method.body))).Message()
	}
	content, _ := op.RequestBody.Content.Get(typeJSON)
	content.Example, err = canonical(body.Interface())
	return err
}

// takeField takes the value of a field out of a message.
func takeField(m protoreflect.Message, path string) (protoreflect.Value, error) {
	outer, last, nested := strings.Cut(path, ".")
	field := m.Descriptor().Fields().ByName(protoreflect.Name(outer))
	if nested {
		return takeField(m.Mutable(field).Message(), last)
	}
	if !m.Has(field) {
		return protoreflect.Value{}, fmt.Errorf("%s, which stands in the path, is missing", path)
	}
	value := m.Get(field)
	m.Clear(field)
	return value, nil
}

// parameter finds a parameter of path or query; nil if there is none.
func (o *operation) parameter(in, name string) *parameter {
	for _, p := range o.Parameters {
		if p.In == in && p.Name == name {
			return p
		}
	}
	return nil
}

func (s *scene) showAnswers(op *placed, answers []proto.Message) error {
	response, _ := op.Responses.Get("200")
	response.Links = s.links()
	if !op.method.IsStreamingServer() {
		if len(answers) != 1 {
			return errors.New("there must be one answer")
		}
		content, _ := response.Content.Get(typeJSON)
		var err error
		content.Example, err = canonical(answers[0])
		return err
	}
	lines, _ := response.Content.Get(typeNDJSON)
	if err := lines.showAll(answers, func(m proto.Message) (any, error) {
		value, err := canonical(m)
		return map[string]any{"result": value}, err
	}); err != nil {
		return err
	}
	var text strings.Builder
	for i, answer := range answers {
		data, err := canonical(answer)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "id: %d\ndata: %s\n\n", i+1, data)
	}
	text.WriteString("event: end\nid: end\ndata: {}\n\n")
	events, _ := response.Content.Get(typeEvents)
	events.Example = text.String()
	return nil
}

func (s *scene) links() map[string]*link {
	links := map[string]*link{}
	for id, parameters := range s.Links {
		links[id] = &link{OperationID: id, Parameters: parameters}
	}
	return links
}

// showAll shows the records of a stream as the lines of its body.
func (m *mediaType) showAll(records []proto.Message, write func(proto.Message) (any, error)) error {
	var text strings.Builder
	for _, record := range records {
		value, err := write(record)
		if err != nil {
			return err
		}
		line, err := ordered.Encode(value)
		if err != nil {
			return err
		}
		text.Write(line)
		text.WriteByte('\n')
	}
	m.Example = text.String()
	return nil
}

// canonical is ProtoJSON without the spaces that protojson puts in at random.
func canonical(m proto.Message) (json.RawMessage, error) {
	spaced, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Compact(&out, spaced)
	return out.Bytes(), err
}

// canonicalField is one field in ProtoJSON.
func canonicalField(m protoreflect.Message, field protoreflect.FieldDescriptor) (json.RawMessage, error) {
	alone := m.New()
	alone.Set(field, m.Get(field))
	if m.Descriptor().FullName() == stringValue {
		return canonical(alone.Interface())
	}
	data, err := canonical(alone.Interface())
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	err = json.Unmarshal(data, &members)
	return members[field.JSONName()], err
}
