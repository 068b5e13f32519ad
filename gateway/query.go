package gateway

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// parseQuery reads the query parameters that a route may have: the fields of the request that neither the path nor the
// body sets (google/api/http.proto), under their JSON or their proto names. The generated code reads the values.
func (rt *route) parseQuery(raw string) (url.Values, *status.Status) {
	if raw == "" {
		return url.Values{}, nil
	}
	if !utf8.ValidString(raw) {
		return nil, malformed("", "the query must be UTF-8")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, malformed("", "the query can't be parsed: parameters are separated by & and escaped as %XX")
	}
	seen := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(values)) { // sorted, so that the same query gets the same answer
		if !utf8.ValidString(key) {
			return nil, malformed("", "the query must be UTF-8")
		}
		path, field := rt.resolve(key)
		if field == nil {
			return nil, malformed(key, fmt.Sprintf("unknown query parameter %q", clip(key)))
		}
		if other, ok := seen[path]; ok {
			return nil, malformed(key, fmt.Sprintf("the query parameters %q and %q are the same", clip(other), clip(key)))
		}
		seen[path] = key
		if len(values[key]) > 1 && !field.IsList() {
			return nil, malformed(key, fmt.Sprintf("the query parameter %q is repeated", clip(key)))
		}
		for i, value := range values[key] {
			if !utf8.ValidString(value) {
				return nil, malformed(key, fmt.Sprintf("the query parameter %q must be UTF-8", clip(key)))
			}
			if message := field.Message(); message != nil && message.FullName() == "google.protobuf.FieldMask" {
				values[key][i] = snakeCase(value) // as ProtoJSON has it; the runtime takes proto names only
			}
		}
	}
	return values, nil
}

// resolve finds the field that a parameter sets and its path in proto names; nil if it is not one that the query may set.
func (rt *route) resolve(key string) (string, protoreflect.FieldDescriptor) {
	if rt.body == "*" {
		return "", nil
	}
	name, mapKey, isMap := strings.Cut(key, "[")
	if isMap && !strings.HasSuffix(mapKey, "]") {
		return "", nil
	}
	message := rt.input.Descriptor()
	var path []string
	var field protoreflect.FieldDescriptor
	for part := range strings.SplitSeq(name, ".") {
		if field != nil {
			if message = field.Message(); message == nil || field.IsList() || field.IsMap() {
				return "", nil
			}
		}
		if field = message.Fields().ByTextName(part); field == nil {
			if field = message.Fields().ByJSONName(part); field == nil {
				return "", nil
			}
		}
		path = append(path, string(field.Name()))
	}
	full := strings.Join(path, ".")
	if isMap != field.IsMap() || !inQuery(field) || rt.body != "" && path[0] == rt.body {
		return "", nil
	}
	for _, taken := range rt.pathFields {
		if taken == full || strings.HasPrefix(taken, full+".") || strings.HasPrefix(full, taken+".") {
			return "", nil
		}
	}
	if isMap {
		full += "[" + mapKey
	}
	return full, field
}

// inQuery reports whether a field can be written as one value. Of messages these are the well-known ones that the
// runtime reads.
func inQuery(field protoreflect.FieldDescriptor) bool {
	if field.IsMap() {
		field = field.MapValue()
	}
	message := field.Message()
	return message == nil || message.ParentFile().Package() == "google.protobuf"
}

// snakeCase writes a mask's lowerCamelCase paths in proto names (https://protobuf.dev/programming-guides/json/#field-masks).
func snakeCase(mask string) string {
	var out strings.Builder
	for _, r := range mask {
		if r <= unicode.MaxASCII && unicode.IsUpper(r) {
			out.WriteByte('_')
			r = unicode.ToLower(r)
		}
		out.WriteRune(r)
	}
	return out.String()
}

// explainQuery finds the parameter whose value the generated code could not read; nil if there is none.
func (rt *route) explainQuery(values url.Values) *status.Status {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		err := (&runtime.DefaultQueryParser{}).Parse(rt.input.New().Interface(), url.Values{key: values[key]}, &utilities.DoubleArray{})
		if err == nil {
			continue
		}
		_, field := rt.resolve(key)
		return malformed(key, fmt.Sprintf("the query parameter %q is not a valid %s", clip(key), kindName(field)))
	}
	return nil
}

func kindName(field protoreflect.FieldDescriptor) string {
	switch {
	case field == nil:
		return "value"
	case field.IsMap():
		return kindName(field.MapValue())
	case field.Message() != nil:
		return string(field.Message().Name())
	case field.Enum() != nil:
		return string(field.Enum().Name())
	}
	return field.Kind().String()
}
