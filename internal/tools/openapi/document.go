package main

import (
	"bytes"
	"encoding/json"

	"ordermanagement/internal/ordered"
)

// document is as much of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) as the documents use.
type document struct {
	OpenAPI    string                    `json:"openapi"`
	Info       json.RawMessage           `json:"info"`
	Servers    []server                  `json:"servers,omitempty"`
	Story      []string                  `json:"x-story,omitempty"` // the operations whose examples, called in this order, work
	Tags       []*tag                    `json:"tags,omitempty"`
	Paths      ordered.Object[*pathItem] `json:"paths"`
	Components components                `json:"components"`
}

type server struct {
	URL         string `json:"url"`
	Description string `json:"description,omitempty"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// pathItem holds operations by HTTP method, in lower case.
type pathItem = ordered.Object[*operation]

type operation struct {
	Tags        []string                  `json:"tags,omitempty"`
	Summary     string                    `json:"summary,omitempty"`
	Description string                    `json:"description,omitempty"`
	OperationID string                    `json:"operationId"`
	Deprecated  bool                      `json:"deprecated,omitempty"`
	Security    []map[string][]string     `json:"security"`
	Parameters  []*parameter              `json:"parameters,omitempty"`
	RequestBody *requestBody              `json:"requestBody,omitempty"`
	Responses   ordered.Object[*response] `json:"responses"`
}

type parameter struct {
	Ref         string  `json:"$ref,omitempty"`
	Name        string  `json:"name,omitempty"`
	In          string  `json:"in,omitempty"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Style       string  `json:"style,omitempty"`
	Explode     *bool   `json:"explode,omitempty"`
	Schema      *schema `json:"schema,omitempty"`
	Example     any     `json:"example,omitempty"`
}

type requestBody struct {
	Description string                     `json:"description,omitempty"`
	Content     ordered.Object[*mediaType] `json:"content"`
	Required    bool                       `json:"required,omitempty"`
}

type mediaType struct {
	Schema   *schema                   `json:"schema,omitempty"`
	Example  any                       `json:"example,omitempty"`
	Examples *ordered.Object[*example] `json:"examples,omitempty"`
}

type example struct {
	Summary string `json:"summary,omitempty"`
	Value   any    `json:"value"`
}

type response struct {
	Ref         string                      `json:"$ref,omitempty"`
	Description string                      `json:"description,omitempty"`
	Reasons     []string                    `json:"x-error-reasons,omitempty"` // every ErrorInfo.reason that it can have
	Headers     *ordered.Object[*header]    `json:"headers,omitempty"`
	Content     *ordered.Object[*mediaType] `json:"content,omitempty"`
	Links       map[string]*link            `json:"links,omitempty"`
}

type link struct {
	OperationID string            `json:"operationId"`
	Parameters  map[string]string `json:"parameters"`
}

type header struct {
	Ref         string  `json:"$ref,omitempty"`
	Description string  `json:"description,omitempty"`
	Schema      *schema `json:"schema,omitempty"`
	Example     any     `json:"example,omitempty"`
}

type components struct {
	Schemas         ordered.Object[*schema]         `json:"schemas"`
	Responses       ordered.Object[*response]       `json:"responses,omitzero"`
	Parameters      ordered.Object[*parameter]      `json:"parameters,omitzero"`
	Headers         ordered.Object[*header]         `json:"headers,omitzero"`
	SecuritySchemes ordered.Object[json.RawMessage] `json:"securitySchemes,omitzero"`
}

// schema is as much of JSON Schema 2020-12 as the documents use.
type schema struct {
	Ref                   string                   `json:"$ref,omitempty"`
	Title                 string                   `json:"title,omitempty"`
	Type                  string                   `json:"type,omitempty"`
	Format                string                   `json:"format,omitempty"`
	Description           string                   `json:"description,omitempty"`
	Const                 any                      `json:"const,omitempty"`
	Enum                  []any                    `json:"enum,omitempty"`
	Pattern               string                   `json:"pattern,omitempty"`
	MinLength             *uint64                  `json:"minLength,omitempty"`
	MaxLength             *uint64                  `json:"maxLength,omitempty"`
	Minimum               json.Number              `json:"minimum,omitempty"`
	ExclusiveMinimum      json.Number              `json:"exclusiveMinimum,omitempty"`
	Maximum               json.Number              `json:"maximum,omitempty"`
	ExclusiveMaximum      json.Number              `json:"exclusiveMaximum,omitempty"`
	Items                 *schema                  `json:"items,omitempty"`
	MinItems              *uint64                  `json:"minItems,omitempty"`
	MaxItems              *uint64                  `json:"maxItems,omitempty"`
	UniqueItems           bool                     `json:"uniqueItems,omitempty"`
	Properties            *ordered.Object[*schema] `json:"properties,omitempty"`
	PropertyNames         *schema                  `json:"propertyNames,omitempty"`
	AdditionalProperties  *either                  `json:"additionalProperties,omitempty"`
	UnevaluatedProperties *bool                    `json:"unevaluatedProperties,omitempty"`
	MinProperties         *uint64                  `json:"minProperties,omitempty"`
	MaxProperties         *uint64                  `json:"maxProperties,omitempty"`
	Required              []string                 `json:"required,omitempty"`
	AllOf                 []*schema                `json:"allOf,omitempty"`
	OneOf                 []*schema                `json:"oneOf,omitempty"`
	Not                   *schema                  `json:"not,omitempty"`
	Discriminator         *discriminator           `json:"discriminator,omitempty"`
	ContentSchema         *schema                  `json:"contentSchema,omitempty"`
	Default               any                      `json:"default,omitempty"`
	ReadOnly              bool                     `json:"readOnly,omitempty"`
	WriteOnly             bool                     `json:"writeOnly,omitempty"`
	Deprecated            bool                     `json:"deprecated,omitempty"`
	Examples              []any                    `json:"examples,omitempty"`
}

type discriminator struct {
	PropertyName string            `json:"propertyName"`
	Mapping      map[string]string `json:"mapping"`
}

// either is a schema or a boolean, which stands for one that everything or nothing matches.
type either struct {
	schema *schema
	all    bool
}

func (e *either) MarshalJSON() ([]byte, error) {
	if e.schema != nil {
		return ordered.Encode(e.schema)
	}
	return ordered.Encode(e.all)
}

func (e *either) UnmarshalJSON(data []byte) error {
	if ordered.Decode(data, &e.all) == nil {
		return nil
	}
	return ordered.Decode(data, &e.schema)
}

// parse reads a document.
func parse(data []byte) (*document, error) {
	d := &document{}
	return d, ordered.Decode(data, d)
}

// render writes a document for people and diffs: one member a line.
func (d *document) render() ([]byte, error) {
	line, err := ordered.Encode(d)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, line, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
