package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
)

const (
	stringValue = protoreflect.FullName("google.protobuf.StringValue")
	reasonsEnum = protoreflect.FullName("ordermanagement.api.v1.ErrorReason")
)

// contract is the protos with their comments, which the generated Go packages don't keep.
type contract struct {
	files   *protoregistry.Files
	methods map[string]*method // by operationId, "Service_Method"
	reasons []reason           // in the order of the enum
	// resources are the patterns of google.api.resource with stars for the variables, e.g. "orders/*" → "orders/{order}".
	resources map[string]string
}

// method is what the contract says about one method beside its messages.
type method struct {
	protoreflect.MethodDescriptor
	verb   string // of HTTP, in lower case
	path   string // as google.api.http writes it
	body   string // "*", a field, or nothing
	public bool
	scope  string
	errors []apiv1.ErrorReason
	// value is the message whose field `value` has the rules of a bare StringValue; nil where there is none.
	value protoreflect.MessageDescriptor
}

// reason is one value of ErrorReason.
type reason struct {
	apiv1.ErrorReason
	http    int32
	comment string
}

// readContract reads what `buf build` has written. Options come out as the types that the generated packages link in.
func readContract(path string) (*contract, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(data, set); err != nil {
		return nil, fmt.Errorf("%s is no image of buf build: %w", path, err)
	}
	return newContract(set)
}

func newContract(set *descriptorpb.FileDescriptorSet) (*contract, error) {
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, err
	}
	c := &contract{files: files, methods: map[string]*method{}, resources: map[string]string{}}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		err = c.addFile(file)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return c, c.addReasons()
}

func (c *contract) addFile(file protoreflect.FileDescriptor) error {
	for i := range file.Messages().Len() {
		resource, _ := proto.GetExtension(file.Messages().Get(i).Options(), annotations.E_Resource).(*annotations.ResourceDescriptor)
		for _, pattern := range resource.GetPattern() {
			c.resources[variable.ReplaceAllString(pattern, "*")] = pattern
		}
	}
	for i := range file.Services().Len() {
		methods := file.Services().Get(i).Methods()
		for j := range methods.Len() {
			m, err := c.newMethod(methods.Get(j))
			if err != nil {
				return fmt.Errorf("%s: %w", methods.Get(j).FullName(), err)
			}
			if m != nil {
				c.methods[string(m.Parent().Name())+"_"+string(m.Name())] = m
			}
		}
	}
	return nil
}

// newMethod reads the options of a method; nil when it has no HTTP route.
func (c *contract) newMethod(descriptor protoreflect.MethodDescriptor) (*method, error) {
	rule, _ := proto.GetExtension(descriptor.Options(), annotations.E_Http).(*annotations.HttpRule)
	if rule == nil {
		return nil, nil
	}
	if len(rule.GetAdditionalBindings()) > 0 {
		return nil, fmt.Errorf("additional bindings have no place in the documents yet")
	}
	policy := proto.GetExtension(descriptor.Options(), apiv1.E_Policy).(*apiv1.Policy)
	m := &method{
		MethodDescriptor: descriptor, body: rule.GetBody(), public: policy.GetPublic(), scope: policy.GetScope(),
		errors: proto.GetExtension(descriptor.Options(), apiv1.E_Errors).([]apiv1.ErrorReason),
	}
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		m.verb, m.path = "get", pattern.Get
	case *annotations.HttpRule_Post:
		m.verb, m.path = "post", pattern.Post
	case *annotations.HttpRule_Patch:
		m.verb, m.path = "patch", pattern.Patch
	case *annotations.HttpRule_Delete:
		m.verb, m.path = "delete", pattern.Delete
	default:
		return nil, fmt.Errorf("no support for %T", pattern)
	}
	if name := proto.GetExtension(descriptor.Options(), apiv1.E_ValueMessage).(string); name != "" {
		found, err := c.files.FindDescriptorByName(protoreflect.FullName(name))
		if err != nil {
			return nil, fmt.Errorf("value_message: %w", err)
		}
		m.value = found.(protoreflect.MessageDescriptor)
	}
	if (m.value != nil) != (m.Input().FullName() == stringValue) {
		return nil, fmt.Errorf("value_message goes with a request of google.protobuf.StringValue")
	}
	return m, nil
}

func (c *contract) addReasons() error {
	found, err := c.files.FindDescriptorByName(reasonsEnum)
	if err != nil {
		return err
	}
	values := found.(protoreflect.EnumDescriptor).Values()
	for i := range values.Len() {
		value := values.Get(i)
		if value.Number() == 0 {
			continue
		}
		codes := proto.GetExtension(value.Options(), apiv1.E_Error).(*apiv1.ErrorStatus)
		c.reasons = append(c.reasons, reason{apiv1.ErrorReason(value.Number()), codes.GetHttp(), comment(value)})
	}
	return nil
}

// input is the message that says what the request is: a bare value's own.
func (m *method) input() protoreflect.MessageDescriptor {
	if m.value != nil {
		return m.value
	}
	return m.Input()
}

// has says whether the contract lists the reason for this method.
func (m *method) has(reason apiv1.ErrorReason) bool { return slices.Contains(m.errors, reason) }

// comment is the leading comment of a declaration, without its line breaks.
func comment(descriptor protoreflect.Descriptor) string {
	location := descriptor.ParentFile().SourceLocations().ByDescriptor(descriptor)
	return unwrap(location.LeadingComments)
}

// unwrap joins the lines of each paragraph; lists and indented lines stay as they are.
func unwrap(text string) string {
	var out strings.Builder
	blank := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			if !blank {
				out.WriteString("\n\n")
			}
		case strings.HasPrefix(line, "- ") && !blank:
			out.WriteString("\n" + line)
		case blank:
			out.WriteString(line)
		default:
			out.WriteString(" " + line)
		}
		blank = line == ""
	}
	return strings.TrimSpace(out.String())
}
