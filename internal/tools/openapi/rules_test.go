package main

import (
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/encoding/prototext"

	"ordermanagement/internal/ordered"
)

func TestRulesBecomeSchemas(t *testing.T) {
	for name, test := range map[string]struct {
		of, rules, want string
	}{
		"lengths":                          {`{"type":"string"}`, `string {min_len: 1 max_len: 9}`, `{"type":"string","minLength":1,"maxLength":9}`},
		"one length":                       {`{"type":"string"}`, `string {len: 3}`, `{"type":"string","minLength":3,"maxLength":3}`},
		"pattern":                          {`{"type":"string"}`, `string {pattern: "^a+$"}`, `{"type":"string","pattern":"^a+$"}`},
		"prefix":                           {`{"type":"string"}`, `string {prefix: "a.b"}`, `{"type":"string","pattern":"^a\\.b"}`},
		"prefix and suffix":                {`{"type":"string","pattern":"^x"}`, `string {suffix: "."}`, `{"type":"string","pattern":"^x","allOf":[{"pattern":"\\.$"}]}`},
		"contains":                         {`{"type":"string"}`, `string {contains: "+"}`, `{"type":"string","pattern":"\\+"}`},
		"no such character":                {`{"type":"string"}`, `string {not_contains: "\0"}`, `{"type":"string","pattern":"^[^\\x00]*$"}`},
		"some values":                      {`{"type":"string"}`, `string {in: ["", "a"]}`, `{"type":"string","enum":["","a"]}`},
		"any but some":                     {`{"type":"string"}`, `string {not_in: "-1"}`, `{"type":"string","not":{"type":"string","enum":["-1"]}}`},
		"one value":                        {`{"type":"string"}`, `string {const: "a"}`, `{"type":"string","const":"a"}`},
		"uuid":                             {`{"type":"string"}`, `string {uuid: true}`, `{"type":"string","format":"uuid"}`},
		"uuid or nothing":                  {`{"type":"string"}`, `ignore: IGNORE_IF_ZERO_VALUE string {uuid: true}`, `{"type":"string","pattern":"^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}`},
		"a pattern or nothing":             {`{"type":"string"}`, `ignore: IGNORE_IF_ZERO_VALUE string {pattern: "^a|b$" not_in: "a" max_len: 9}`, `{"type":"string","pattern":"^$|^a|b$","maxLength":9,"not":{"type":"string","enum":["a"]}}`},
		"email":                            {`{"type":"string"}`, `string {email: true max_len: 320}`, `{"type":"string","format":"email","maxLength":320}`},
		"ignored":                          {`{"type":"string"}`, `ignore: IGNORE_ALWAYS string {len: 3}`, `{"type":"string"}`},
		"integers":                         {`{"type":"integer"}`, `int32 {gte: 1 lt: 10}`, `{"type":"integer","minimum":1,"exclusiveMaximum":10}`},
		"floats":                           {`{"type":"number"}`, `float {gt: 0.1 lte: 2.5 finite: true}`, `{"type":"number","exclusiveMinimum":0.1,"maximum":2.5}`},
		"zero":                             {`{"type":"number"}`, `double {gte: 0}`, `{"type":"number","minimum":0}`},
		"numbers":                          {`{"type":"integer"}`, `uint32 {in: [1, 2]}`, `{"type":"integer","enum":[1,2]}`},
		"lists":                            {`{"type":"array","items":{"type":"string"}}`, `repeated {min_items: 1 max_items: 2 unique: true items {string {min_len: 1}}}`, `{"type":"array","items":{"type":"string","minLength":1},"minItems":1,"maxItems":2,"uniqueItems":true}`},
		"maps":                             {`{"type":"object","additionalProperties":{"type":"string"}}`, `map {min_pairs: 1 max_pairs: 2 keys {string {pattern: "^a"}} values {string {max_len: 3}}}`, `{"type":"object","propertyNames":{"type":"string","pattern":"^a"},"additionalProperties":{"type":"string","maxLength":3},"minProperties":1,"maxProperties":2}`},
		"required is no rule of the value": {`{"$ref":"#/components/schemas/X"}`, `required: true`, `{"$ref":"#/components/schemas/X"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := &schema{}
			if err := ordered.Decode([]byte(test.of), s); err != nil {
				t.Fatal(err)
			}
			if err := s.addRules(parseRules(t, test.rules)); err != nil {
				t.Fatal(err)
			}
			if got, err := ordered.Encode(s); err != nil || string(got) != test.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}

// A rule that the document would pass over in silence stops the generation.
func TestRulesWithoutASchemaAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ of, rules string }{
		"of another kind":        {`{"type":"string"}`, `string {ip: true}`},
		"in bytes":               {`{"type":"string"}`, `string {max_bytes: 3}`},
		"CEL":                    {`{"type":"string"}`, `cel {id: "x" expression: "this == ''"}`},
		"a CEL expression":       {`{"type":"string"}`, `cel_expression: "this == ''"`},
		"of a 64-bit integer":    {`{"type":"string"}`, `int64 {gte: 1}`},
		"of a message":           {`{"type":"object"}`, `any {in: "x"}`},
		"a length or nothing":    {`{"type":"string"}`, `ignore: IGNORE_IF_ZERO_VALUE string {min_len: 3}`},
		"a format or nothing":    {`{"type":"string"}`, `ignore: IGNORE_IF_ZERO_VALUE string {hostname: true}`},
		"a number or zero":       {`{"type":"integer"}`, `ignore: IGNORE_IF_ZERO_VALUE int32 {gte: 3}`},
		"of the items of a list": {`{"type":"array","items":{"type":"string"}}`, `repeated {items {string {ip: true}}}`},
		"of the values of a map": {`{"type":"object","additionalProperties":{"type":"string"}}`, `map {values {string {ip: true}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := &schema{}
			if err := ordered.Decode([]byte(test.of), s); err != nil {
				t.Fatal(err)
			}
			if err := s.addRules(parseRules(t, test.rules)); err == nil || !strings.Contains(err.Error(), "rule") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func parseRules(t *testing.T, text string) *validate.FieldRules {
	t.Helper()
	rules := &validate.FieldRules{}
	if err := prototext.Unmarshal([]byte(text), rules); err != nil {
		t.Fatal(err)
	}
	return rules
}
