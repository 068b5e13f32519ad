package corpus

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// binding is a method's HTTP request, as google.api.http says it (google/api/http.proto).
type binding struct {
	verb, template, body string
}

func bindingOf(method protoreflect.MethodDescriptor) (binding, error) {
	rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	b := binding{body: rule.GetBody()}
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		b.verb, b.template = http.MethodGet, pattern.Get
	case *annotations.HttpRule_Post:
		b.verb, b.template = http.MethodPost, pattern.Post
	case *annotations.HttpRule_Patch:
		b.verb, b.template = http.MethodPatch, pattern.Patch
	case *annotations.HttpRule_Delete:
		b.verb, b.template = http.MethodDelete, pattern.Delete
	default:
		return b, fmt.Errorf("%s has no HTTP request that a case can make", method.FullName())
	}
	return b, nil
}

var pathVariable = regexp.MustCompile(`\{([^=}]+)(?:=([^*}]*)\*)?\}`)

// request makes the target and the body of the request for a message. What is neither in the path nor in the body is a query
// parameter.
func (b binding) request(m proto.Message) (target string, body []byte, err error) {
	rest := proto.Clone(m)
	target = pathVariable.ReplaceAllStringFunc(b.template, func(found string) string {
		match := pathVariable.FindStringSubmatch(found)
		value, fieldErr := takeField(rest.ProtoReflect(), match[1])
		id, ok := strings.CutPrefix(value, match[2])
		if fieldErr != nil || !ok {
			err = fmt.Errorf("%q can't stand in %s; say what to do over HTTP", value, b.template)
		}
		return match[2] + strings.ReplaceAll(url.PathEscape(id), ":", "%3A")
	})
	if err != nil {
		return "", nil, err
	}
	switch b.body {
	case "":
	case "*":
		body, err = protojson.Marshal(rest)
		return target, body, err
	default:
		field := rest.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(b.body))
		if rest.ProtoReflect().Has(field) {
			if body, err = protojson.Marshal(rest.ProtoReflect().Get(field).Message().Interface()); err != nil {
				return "", nil, err
			}
		}
		rest.ProtoReflect().Clear(field)
	}
	query := url.Values{}
	if err := addQuery(query, "", rest.ProtoReflect()); err != nil {
		return "", nil, err
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target, body, nil
}

// takeField reads a field such as "order.name" and clears it.
func takeField(m protoreflect.Message, path string) (string, error) {
	name, inner, nested := strings.Cut(path, ".")
	field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if field == nil {
		return "", fmt.Errorf("no field %s", path)
	}
	if nested {
		return takeField(m.Mutable(field).Message(), inner)
	}
	defer m.Clear(field)
	return m.Get(field).String(), nil
}

func addQuery(query url.Values, prefix string, m protoreflect.Message) (err error) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		name := prefix + field.JSONName()
		switch {
		case field.IsList() || field.IsMap():
			err = fmt.Errorf("query parameter %s: lists and maps are not supported here", name)
		case field.Message() != nil && field.Message().FullName() == "google.protobuf.FieldMask":
			query.Set(name, maskText(value.Message().Interface().(*fieldmaskpb.FieldMask)))
		case field.Message() != nil:
			err = addQuery(query, name+".", value.Message())
		default:
			query.Set(name, fmt.Sprint(value.Interface()))
		}
		return err == nil
	})
	return err
}
