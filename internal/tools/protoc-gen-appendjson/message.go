package main

import (
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"ordermanagement/internal/appendjson"
)

type generator struct {
	*protogen.GeneratedFile
	plugin *protogen.Plugin
}

func (g *generator) messages(messages []*protogen.Message) error {
	for _, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		if err := g.message(m); err != nil {
			return fmt.Errorf("%s: %w", m.Desc.FullName(), err)
		}
		if err := g.messages(m.Messages); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) message(m *protogen.Message) error {
	g.P()
	g.P("// AppendJSON appends the message as ProtoJSON without spaces. Package internal/appendjson tells what the errors are.")
	g.P("func (x *", m.GoIdent, ") AppendJSON(b []byte) (_ []byte, err error) {")
	g.P("if x == nil {")
	g.P(`return append(b, "{}"...), nil`)
	g.P("}")
	g.P("start := len(b)")
	// Fields are declared in the order in which protojson writes them.
	for _, field := range m.Fields {
		if err := g.field(field); err != nil {
			return fmt.Errorf("%s: %w", field.Desc.Name(), err)
		}
	}
	g.P("return ", support.Ident("Object"), "(b, start), nil")
	g.P("}")
	return nil
}

// supported refuses what has its own rules in ProtoJSON, or no order in Go, and no use in the contracts.
func supported(field *protogen.Field) error {
	value := field.Desc
	if value.IsMap() {
		if value.MapKey().Kind() == protoreflect.BoolKind {
			return errors.New("maps by bool are not supported")
		}
		value = value.MapValue()
	}
	if enum := value.Enum(); enum != nil && enum.FullName() == "google.protobuf.NullValue" {
		return errors.New("google.protobuf.NullValue is not supported")
	}
	return nil
}

// field generates what appends a comma, the field's name and its value, if it is populated.
func (g *generator) field(field *protogen.Field) error {
	if err := supported(field); err != nil {
		return err
	}
	name, err := appendjson.String([]byte{','}, field.Desc.JSONName())
	if err != nil {
		return err
	}
	populated, value := g.access(field)
	g.P("if ", populated, " {")
	g.P("b = append(b, ", literal(string(name)+":"), "...)")
	switch {
	case field.Desc.IsMap():
		g.mapField(field, value)
	case field.Desc.IsList():
		g.list(field, value)
	default:
		g.value(field, field, value)
	}
	g.P("}")
	return nil
}

func (g *generator) list(field *protogen.Field, value string) {
	messages, index := field.Message != nil, "_"
	if messages {
		index = "i"
	}
	g.P("first := len(b)")
	g.P("for ", index, ", v := range ", value, " {")
	g.P("b = append(b, ',')")
	g.value(field, field, "v")
	if messages {
		g.P("b = ", support.Ident("Room"), "(b, first, i+1, len(", value, "))")
	}
	g.P("}")
	g.P("b = ", support.Ident("Array"), "(b, first)")
}

func (g *generator) mapField(field *protogen.Field, value string) {
	key, element := field.Message.Fields[0], field.Message.Fields[1]
	g.P("first := len(b)")
	g.P("var few [", support.Ident("FewKeys"), "]", goKey(key.Desc.Kind()))
	g.P("for _, k := range ", support.Ident("Keys"), "(few[:0], ", value, ") {")
	g.P("b = append(b, ',')")
	switch key.Desc.Kind() {
	case protoreflect.StringKind:
		g.value(field, key, "k")
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		g.P("b = ", support.Ident("Uint64"), "(b, uint64(k))")
	default:
		g.P("b = ", support.Ident("Int64"), "(b, int64(k))")
	}
	g.P("b = append(b, ':')")
	g.value(field, element, value+"[k]")
	g.P("}")
	g.P("b = ", support.Ident("Object"), "(b, first)")
}

func goKey(kind protoreflect.Kind) string {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "int32"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "uint32"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return "int64"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "uint64"
	}
	return "string"
}

func literal(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}
