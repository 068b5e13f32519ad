package main

import (
	"strconv"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	pkgFmt     = protogen.GoImportPath("fmt")
	pkgMath    = protogen.GoImportPath("math")
	pkgStrconv = protogen.GoImportPath("strconv")
)

// access tells, as Go, whether a field is populated, in what may stand between if and {, and what its value then is.
func (g *generator) access(field *protogen.Field) (populated, value string) {
	value = "x." + field.GoName
	kind := field.Desc.Kind()
	switch {
	case field.Desc.IsMap(), field.Desc.IsList():
		return "len(" + value + ") > 0", value
	case field.Oneof != nil && !field.Oneof.Desc.IsSynthetic():
		is := "one, _ := x." + field.Oneof.GoName + ".(*" + g.QualifiedGoIdent(field.GoIdent) + "); one != nil"
		return is, "one." + field.GoName
	case kind == protoreflect.MessageKind, kind == protoreflect.BytesKind && field.Desc.HasPresence():
		return value + " != nil", value
	case field.Desc.HasPresence():
		return value + " != nil", "*" + value
	}
	switch kind {
	case protoreflect.BoolKind:
		return value, value
	case protoreflect.StringKind:
		return value + ` != ""`, value
	case protoreflect.BytesKind:
		return "len(" + value + ") > 0", value
	case protoreflect.FloatKind, protoreflect.DoubleKind: // minus zero is populated
		return value + " != 0 || " + g.QualifiedGoIdent(pkgMath.Ident("Signbit")) + "(float64(" + value + "))", value
	}
	return value + " != 0", value
}

// value generates what appends one value: that of a field, an element of it, or a key. Errors tell the field's path.
func (g *generator) value(field, of *protogen.Field, value string) {
	switch of.Desc.Kind() {
	case protoreflect.BoolKind:
		g.P("b = ", pkgStrconv.Ident("AppendBool"), "(b, ", value, ")")
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		g.P("b = ", pkgStrconv.Ident("AppendInt"), "(b, int64(", value, "), 10)")
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		g.P("b = ", pkgStrconv.Ident("AppendUint"), "(b, uint64(", value, "), 10)")
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		g.P("b = ", support.Ident("Int64"), "(b, ", value, ")")
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		g.P("b = ", support.Ident("Uint64"), "(b, ", value, ")")
	case protoreflect.FloatKind:
		g.P("b = ", support.Ident("Float"), "(b, float64(", value, "), 32)")
	case protoreflect.DoubleKind:
		g.P("b = ", support.Ident("Float"), "(b, ", value, ", 64)")
	case protoreflect.BytesKind:
		g.P("b = ", support.Ident("Bytes"), "(b, ", value, ")")
	case protoreflect.EnumKind:
		names := of.Enum.GoIdent
		names.GoName += "_name"
		g.P("b = ", support.Ident("Enum"), "(b, ", names, ", int32(", value, "))")
	case protoreflect.StringKind:
		g.fallible(field, support.Ident("String"), "(b, ", value, ")")
	case protoreflect.MessageKind:
		if g.generated(of.Message) {
			g.fallible(field, value, ".AppendJSON(b)")
		} else {
			g.fallible(field, support.Ident("Message"), "(b, ", value, ")")
		}
	}
}

func (g *generator) fallible(field *protogen.Field, call ...any) {
	g.P(append(append([]any{"if b, err = "}, call...), "; err != nil {")...)
	g.P("return nil, ", pkgFmt.Ident("Errorf"), "(", strconv.Quote(string(field.Desc.Name())+": %w"), ", err)")
	g.P("}")
}

// generated tells whether this run generates the message's method. Of other messages only the program knows.
func (g *generator) generated(m *protogen.Message) bool {
	return g.plugin.FilesByPath[m.Desc.ParentFile().Path()].Generate
}
