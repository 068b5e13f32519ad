package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"ordermanagement/internal/ordered"
)

const schemaRef = "#/components/schemas/"

// reviseSchemas makes the schemas of messages and enums true, and gives them their names without the package. A schema
// that is there under that name already was written by hand, and stays.
func (r *reviser) reviseSchemas() error {
	var revised ordered.Object[*schema]
	for full, s := range r.doc.Components.Schemas.All() {
		if !strings.Contains(full, ".") {
			revised.Set(full, s)
		}
	}
	for full, s := range r.doc.Components.Schemas.All() {
		if !strings.Contains(full, ".") {
			continue
		}
		descriptor, err := r.contract.files.FindDescriptorByName(protoreflect.FullName(full))
		if err != nil {
			return fmt.Errorf("schema %s: %w", full, err)
		}
		name := shortName(descriptor)
		if there, ok := revised.Get(name); ok {
			if descriptor.ParentFile().Package() != "google.rpc" && descriptor.ParentFile().Package() != "google.type" {
				return fmt.Errorf("%s and another schema, %q, have one name", full, there.Description)
			}
			continue
		}
		switch descriptor := descriptor.(type) {
		case protoreflect.MessageDescriptor:
			err = r.reviseMessage(s, descriptor, nil)
		case protoreflect.EnumDescriptor:
			r.reviseEnum(s, descriptor)
		}
		if err != nil {
			return fmt.Errorf("schema %s: %w", full, err)
		}
		revised.Set(name, s)
	}
	r.doc.Components.Schemas = revised
	return nil
}

// shortName is a name within its package: "Order.State" of ordermanagement.v2.Order.State.
func shortName(descriptor protoreflect.Descriptor) string {
	return strings.TrimPrefix(string(descriptor.FullName()), string(descriptor.ParentFile().Package())+".")
}

// reviseMessage adds the field rules and puts the fields into the order of the contract, but for those that the path of
// a request sets.
func (r *reviser) reviseMessage(s *schema, message protoreflect.MessageDescriptor, inPath []string) error {
	if proto.HasExtension(message.Options(), validate.E_Message) {
		return fmt.Errorf("rules of the whole message: %w", errNoSchema)
	}
	s.Description = r.describe(message)
	base := s.Properties
	s.Properties, s.Required = &ordered.Object[*schema]{}, nil
	required, err := requiredFields(message)
	if err != nil {
		return err
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if slices.Contains(inPath, string(field.Name())) {
			continue
		}
		property, ok := base.Get(field.JSONName())
		if !ok {
			return fmt.Errorf("has no property for the field %s", field.Name())
		}
		if err := r.reviseField(property, field); err != nil {
			return err
		}
		s.Properties.Set(field.JSONName(), property)
		if slices.Contains(required, field.JSONName()) {
			s.Required = append(s.Required, field.JSONName())
		}
	}
	return nil
}

// reviseField makes the schema of one field true: of a property or of a parameter.
func (r *reviser) reviseField(s *schema, field protoreflect.FieldDescriptor) error {
	s.shortenRefs()
	s.Description = r.describe(field)
	s.ReadOnly = hasBehavior(field, annotations.FieldBehavior_OUTPUT_ONLY)
	if field.Kind() == protoreflect.Int64Kind && s.Type == "string" {
		s.addPattern("^-?[0-9]+$")
	}
	if err := s.addRules(rulesOf(field)); err != nil {
		return fmt.Errorf("field %s: %w", field.Name(), err)
	}
	s.Description = sentences(s.Description, s.refused())
	return nil
}

// refused says which values are none, which few tools show.
func (s *schema) refused() string {
	if s.Not == nil {
		return ""
	}
	var values []string
	for _, value := range s.Not.Enum {
		values = append(values, fmt.Sprintf("`%v`", value))
	}
	return "Refused: " + strings.Join(values, ", ") + "."
}

// shortenRefs puts the short names into all references, and takes apart what wraps a single one: OpenAPI 3.1 allows
// other words beside `$ref`.
func (s *schema) shortenRefs() {
	if s == nil {
		return
	}
	if len(s.AllOf) == 1 && s.AllOf[0].Ref != "" {
		s.Ref, s.AllOf = s.AllOf[0].Ref, nil
	}
	if full, ok := strings.CutPrefix(s.Ref, schemaRef); ok {
		s.Ref = schemaRef + packageName.ReplaceAllString(full, "")
	}
	s.Items.shortenRefs()
	if s.AdditionalProperties != nil {
		s.AdditionalProperties.schema.shortenRefs()
	}
}

// packageName is what stands before the name of a type: elements in lower case.
var packageName = regexp.MustCompile(`^([a-z][a-z0-9_]*\.)+`)

// reviseEnum lists the values that are answered, and what each means. The zero value is none of them: ProtoJSON leaves
// it out.
func (r *reviser) reviseEnum(s *schema, enum protoreflect.EnumDescriptor) {
	s.Enum = nil
	var text strings.Builder
	text.WriteString(r.describe(enum) + " More values may be added.\n")
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		if value.Number() == 0 {
			continue
		}
		s.Enum = append(s.Enum, string(value.Name()))
		fmt.Fprintf(&text, "\n- `%s`: %s", value.Name(), r.describe(value))
	}
	s.Description = text.String()
}

// requiredFields finds the fields, by JSON name, without which a message breaks the rules of the contract: it lets
// protovalidate look at an empty one. What a request can't leave out, no answer lacks.
func requiredFields(message protoreflect.MessageDescriptor) ([]string, error) {
	err := protovalidate.Validate(dynamicpb.NewMessage(message))
	if err == nil {
		return nil, nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		return nil, err
	}
	var names []string
	for _, violation := range broken.Violations {
		path := violation.Proto.GetField().GetElements()
		if len(path) != 1 {
			return nil, fmt.Errorf("the rule %s is not of one field; say in internal/tools/openapi what its schema is", violation.Proto.GetRuleId())
		}
		names = append(names, message.Fields().ByName(protoreflect.Name(path[0].GetFieldName())).JSONName())
	}
	return names, nil
}

func hasBehavior(field protoreflect.FieldDescriptor, behavior annotations.FieldBehavior) bool {
	all, _ := proto.GetExtension(field.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return slices.Contains(all, behavior)
}
