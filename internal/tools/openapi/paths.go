package main

import (
	"fmt"
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// variable is one of a google.api.http path or of a resource pattern: its field and, after "=", what it matches.
var variable = regexp.MustCompile(`\{([^=}]+)(?:=([^}]*))?\}`)

// pathVariable is one variable of a route and the parameter that the documents show for it.
type pathVariable struct {
	field  string // path of the field in the request, in proto names, e.g. "order.name"
	param  string // e.g. "order"
	prefix string // of the field's value before the parameter, e.g. "orders/"
}

// publicPath writes the path of a route for people: `/v2/{name=orders/*}:confirm` becomes `/v2/orders/{order}:confirm`,
// with the variable named as the pattern of the resource names it.
func (c *contract) publicPath(route string) (string, []pathVariable, error) {
	var path strings.Builder
	var variables []pathVariable
	rest := 0
	for _, at := range variable.FindAllStringSubmatchIndex(route, -1) {
		path.WriteString(route[rest:at[0]])
		rest = at[1]
		v := pathVariable{field: route[at[2]:at[3]]}
		v.param = v.field
		if at[4] >= 0 {
			matches := route[at[4]:at[5]]
			pattern, ok := c.resources[matches]
			names := variable.FindAllStringSubmatch(pattern, -1)
			if !ok || len(names) != 1 || !strings.HasSuffix(pattern, "}") {
				return "", nil, fmt.Errorf("no resource has the pattern %q with one variable at its end", matches)
			}
			v.param, v.prefix = names[0][1], strings.TrimSuffix(matches, "*")
		}
		path.WriteString(v.prefix + "{" + v.param + "}")
		variables = append(variables, v)
	}
	path.WriteString(route[rest:])
	return path.String(), variables, nil
}

// field finds the field of a path such as "order.name".
func fieldOf(message protoreflect.MessageDescriptor, path string) (protoreflect.FieldDescriptor, error) {
	var field protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			return nil, fmt.Errorf("%s has no message at %s", path, name)
		}
		if field = message.Fields().ByName(protoreflect.Name(name)); field == nil {
			return nil, fmt.Errorf("%s has no field %s", message.FullName(), name)
		}
		message = field.Message()
	}
	return field, nil
}

// pathParameter describes a variable by the rules of its field, less what stands in the path before it.
func (r *reviser) pathParameter(m *method, v pathVariable) (*parameter, error) {
	field, err := fieldOf(m.input(), v.field)
	if err != nil {
		return nil, err
	}
	s := &schema{Type: "string"}
	if err := s.addRules(rulesOf(field)); err != nil {
		return nil, err
	}
	s.Pattern = strings.TrimPrefix(s.Pattern, orEmpty) // there is no route with an empty segment
	p := &parameter{Name: v.param, In: "path", Description: r.describe(field), Required: true, Schema: s}
	if v.prefix != "" {
		pattern, ok := strings.CutPrefix(s.Pattern, "^"+v.prefix)
		if !ok {
			return nil, fmt.Errorf("the pattern of %s does not begin with ^%s", v.field, v.prefix)
		}
		s.Pattern = "^" + pattern
		s.Not = &schema{Type: "string", Enum: []any{".", ".."}} // segments that a URL loses (RFC 3986, 5.2.4)
		p.Description = fmt.Sprintf("The id of the %s, the last part of its name `%s{%s}`. %s", v.param, v.prefix, v.param, s.refused())
	} else if s.MinLength == nil && s.Pattern == "" {
		s.MinLength = new(uint64(1))
	}
	return p, nil
}
