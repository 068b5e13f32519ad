package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// addRules states the field rules of the contract (buf/validate) in JSON Schema. A rule that has no counterpart here is
// an error: a document that leaves one out is not true.
func (s *schema) addRules(rules *validate.FieldRules) error {
	if rules == nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return nil
	}
	var err error
	rules.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Name() == "required" || field.Name() == "ignore": // see requiredFields
		case field.Message() == nil || field.IsList():
			err = fmt.Errorf("no schema for the rule %s", field.Name())
		default:
			err = s.addTypeRules(string(field.Name()), value.Message())
		}
		return err == nil
	})
	if err == nil && rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE {
		return s.allowEmpty()
	}
	return err
}

// allowEmpty lets the empty string pass beside what the rules allow: it is how a PATCH clears a field.
func (s *schema) allowEmpty() error {
	if s.Type != "string" || s.MinLength != nil || s.Const != nil || s.Enum != nil || s.AllOf != nil {
		return fmt.Errorf("IGNORE_IF_ZERO_VALUE: %w", errNoSchema)
	}
	if s.Format != "" {
		pattern, ok := formatPatterns()[s.Format]
		if !ok || s.Pattern != "" {
			return fmt.Errorf("IGNORE_IF_ZERO_VALUE: %w", errNoSchema)
		}
		s.Format, s.Pattern = "", pattern
	}
	if s.Pattern != "" {
		s.Pattern = orEmpty + s.Pattern
	}
	return nil
}

// formatPatterns are the patterns of formats that a field need not have: a `format` can't let the empty string pass, and
// what generators make of a choice between two schemas is no longer a string.
func formatPatterns() map[string]string {
	const label = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
	return map[string]string{
		"uuid":  "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",               // RFC 9562, 4
		"email": "^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@" + label + `(\.` + label + ")*$", // WHATWG HTML, 4.10.5.1.5, as protovalidate has it
	}
}

// orEmpty stands before a pattern that need not match an empty string.
const orEmpty = "^$|"

// addTypeRules adds the rules of one type, such as buf.validate.StringRules.
func (s *schema) addTypeRules(kind string, rules protoreflect.Message) error {
	var err error
	rules.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch kind {
		case "string":
			err = s.addStringRule(string(field.Name()), field, value)
		case "repeated":
			err = s.addListRule(string(field.Name()), value)
		case "map":
			err = s.addMapRule(string(field.Name()), value)
		case "float", "double", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64":
			err = s.addNumberRule(string(field.Name()), field, value)
		default:
			err = errNoSchema
		}
		if err != nil {
			err = fmt.Errorf("%s.%s: %w", kind, field.Name(), err)
		}
		return err == nil
	})
	return err
}

var errNoSchema = fmt.Errorf("this rule has no schema yet; say in internal/tools/openapi which")

func (s *schema) addStringRule(rule string, field protoreflect.FieldDescriptor, value protoreflect.Value) error {
	switch rule {
	case "len":
		s.MinLength, s.MaxLength = new(value.Uint()), new(value.Uint())
	case "min_len": // in characters, as JSON Schema counts
		s.MinLength = new(value.Uint())
	case "max_len":
		s.MaxLength = new(value.Uint())
	case "pattern":
		s.addPattern(value.String())
	case "prefix":
		s.addPattern("^" + regexp.QuoteMeta(value.String()))
	case "suffix":
		s.addPattern(regexp.QuoteMeta(value.String()) + "$")
	case "contains":
		s.addPattern(regexp.QuoteMeta(value.String()))
	case "not_contains":
		character := []rune(value.String())
		if len(character) != 1 || character[0] > 0xff {
			return errNoSchema // what a pattern can't say
		}
		s.addPattern(fmt.Sprintf(`^[^\x%02x]*$`, character[0])) // as JavaScript and RE2 write it
	case "email", "uuid", "uri", "hostname", "ipv4", "ipv6":
		if value.Bool() {
			s.Format = rule
		}
	default:
		return s.addValueRule(rule, field, value)
	}
	return nil
}

// addPattern adds to a pattern that is there already.
func (s *schema) addPattern(pattern string) {
	if s.Pattern == "" {
		s.Pattern = pattern
		return
	}
	s.AllOf = append(s.AllOf, &schema{Pattern: pattern})
}

func (s *schema) addNumberRule(rule string, field protoreflect.FieldDescriptor, value protoreflect.Value) error {
	if s.Type == "string" { // 64-bit integers are strings in JSON (https://protobuf.dev/programming-guides/json)
		return errNoSchema
	}
	switch rule {
	case "gt":
		s.ExclusiveMinimum = number(field, value)
	case "gte":
		s.Minimum = number(field, value)
	case "lt":
		s.ExclusiveMaximum = number(field, value)
	case "lte":
		s.Maximum = number(field, value)
	case "finite": // as all numbers of JSON are
	default:
		return s.addValueRule(rule, field, value)
	}
	return nil
}

// addValueRule adds what strings and numbers have in common.
func (s *schema) addValueRule(rule string, field protoreflect.FieldDescriptor, value protoreflect.Value) error {
	switch rule {
	case "const":
		s.Const = scalar(field, value)
	case "in":
		s.Enum = scalars(field, value.List())
	case "not_in":
		s.Not = &schema{Type: s.Type, Enum: scalars(field, value.List())} // without its type Swagger UI takes it for everything
	case "example":
		s.Examples = scalars(field, value.List())
	default:
		return errNoSchema
	}
	return nil
}

func (s *schema) addListRule(rule string, value protoreflect.Value) error {
	switch rule {
	case "min_items":
		s.MinItems = new(value.Uint())
	case "max_items":
		s.MaxItems = new(value.Uint())
	case "unique":
		s.UniqueItems = value.Bool()
	case "items":
		return s.Items.addRules(value.Message().Interface().(*validate.FieldRules))
	default:
		return errNoSchema
	}
	return nil
}

func (s *schema) addMapRule(rule string, value protoreflect.Value) error {
	switch rule {
	case "min_pairs":
		s.MinProperties = new(value.Uint())
	case "max_pairs":
		s.MaxProperties = new(value.Uint())
	case "keys":
		s.PropertyNames = &schema{Type: "string"}
		return s.PropertyNames.addRules(value.Message().Interface().(*validate.FieldRules))
	case "values":
		return s.AdditionalProperties.schema.addRules(value.Message().Interface().(*validate.FieldRules))
	default:
		return errNoSchema
	}
	return nil
}

func scalars(field protoreflect.FieldDescriptor, list protoreflect.List) []any {
	values := make([]any, list.Len())
	for i := range values {
		values[i] = scalar(field, list.Get(i))
	}
	return values
}

func scalar(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	if field.Kind() == protoreflect.StringKind {
		return value.String()
	}
	return number(field, value)
}

// number writes a float as the shortest decimal of its size, which is what was written in the contract.
func number(field protoreflect.FieldDescriptor, value protoreflect.Value) json.Number {
	switch field.Kind() {
	case protoreflect.FloatKind:
		return json.Number(strconv.FormatFloat(value.Float(), 'g', -1, 32))
	case protoreflect.DoubleKind:
		return json.Number(strconv.FormatFloat(value.Float(), 'g', -1, 64))
	}
	return json.Number(value.String())
}

// rulesOf are the rules of a field; nil when it has none.
func rulesOf(field protoreflect.FieldDescriptor) *validate.FieldRules {
	if !proto.HasExtension(field.Options(), validate.E_Field) {
		return nil
	}
	return proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
}
