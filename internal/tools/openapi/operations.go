package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/reflect/protoreflect"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/ordered"
)

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson" // of streams
	typeEvents = "text/event-stream"    // of streams to those who ask for it
)

// placed is an operation with its method and the path under which people find it.
type placed struct {
	*operation
	method    *method
	path      string
	variables []pathVariable
}

// reviseOperation makes one operation true.
func (r *reviser) reviseOperation(op *operation, m *method) (*placed, error) {
	path, variables, err := r.contract.publicPath(m.path)
	if err != nil {
		return nil, err
	}
	var rest string
	op.Summary, rest = firstSentence(r.describe(m))
	op.Description = sentences(rest, access(m))
	op.Security = security(m)
	if err := r.reviseParameters(op, m, variables); err != nil {
		return nil, err
	}
	if m.body != "" {
		if err := r.reviseBody(op, m, variables); err != nil {
			return nil, err
		}
	}
	if err := r.reviseResponses(op, m); err != nil {
		return nil, err
	}
	return &placed{operation: op, method: m, path: path, variables: variables}, nil
}

// schemes are those of security by which a caller makes itself known, the likeliest first.
func schemes() []string { return []string{"bearer", "basic", "mutualTLS"} }

// security lists the schemes as alternatives: whichever it is, the caller needs the scope of the method's policy.
func security(m *method) []map[string][]string {
	alternatives := []map[string][]string{}
	if m.public {
		return alternatives
	}
	for _, scheme := range schemes() {
		alternatives = append(alternatives, map[string][]string{scheme: {m.scope}})
	}
	return alternatives
}

// sortSchemes puts the security schemes, which the merge has sorted by name, into the order of the alternatives.
func (d *document) sortSchemes() error {
	var sorted ordered.Object[json.RawMessage]
	for _, name := range schemes() {
		if scheme, ok := d.Components.SecuritySchemes.Get(name); ok {
			sorted.Set(name, scheme)
		}
	}
	for name := range d.Components.SecuritySchemes.All() {
		if _, ok := sorted.Get(name); !ok {
			return fmt.Errorf("no operation takes the security scheme %s; say in internal/tools/openapi where it stands", name)
		}
	}
	d.Components.SecuritySchemes = sorted
	return nil
}

func access(m *method) string {
	if m.public {
		return "Anybody may call it, without credentials."
	}
	return fmt.Sprintf("The caller needs the scope `%s`.", m.scope)
}

// reviseParameters documents the path as it is written, the query with its rules, and the headers that mean something.
func (r *reviser) reviseParameters(op *operation, m *method, variables []pathVariable) error {
	var parameters []*parameter
	for _, v := range variables {
		p, err := r.pathParameter(m, v)
		if err != nil {
			return err
		}
		parameters = append(parameters, p)
	}
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		field := m.input().Fields().ByJSONName(p.Name)
		if field == nil {
			return fmt.Errorf("the query parameter %s is no field of %s", p.Name, m.input().FullName())
		}
		if err := r.reviseField(p.Schema, field); err != nil {
			return err
		}
		p.Description, p.Schema.Description = p.Schema.Description, ""
		parameters = append(parameters, p)
	}
	for _, name := range m.requestHeaders() {
		parameters = append(parameters, &parameter{Ref: "#/components/parameters/" + name})
	}
	op.Parameters = parameters
	return nil
}

// requestHeaders are the headers of a request that make a difference to the method.
func (m *method) requestHeaders() []string {
	var names []string
	if m.has(apiv1.ErrorReason_IDEMPOTENCY_KEY_REUSED) {
		names = append(names, "Idempotency-Key")
	}
	if m.has(apiv1.ErrorReason_ETAG_MISMATCH) { // a write to what is there; one to what isn't can't hold
		names = append(names, "If-Match")
	}
	if m.conditional() {
		names = append(names, "If-None-Match")
	}
	if m.canHaveEnded() {
		names = append(names, "Last-Event-ID")
	}
	return append(names, "Grpc-Timeout", "X-Request-Id")
}

// canHaveEnded says whether an EventSource may come back to a stream that has ended. One with records of its own begins
// anew.
func (m *method) canHaveEnded() bool { return m.IsStreamingServer() && !m.IsStreamingClient() }

// answersTag says whether the answer is one resource with an entity tag.
func (m *method) answersTag() bool {
	return !m.IsStreamingServer() && m.Output().Fields().ByName("etag") != nil
}

// conditional says whether the answer can be 304.
func (m *method) conditional() bool { return m.verb == "get" && m.answersTag() }

// reviseBody documents the body by a component, closed, since unknown fields are refused. The component stays open for
// answers, which may grow.
func (r *reviser) reviseBody(op *operation, m *method, variables []pathVariable) error {
	s, err := r.bodySchema(op, m, variables)
	if err != nil {
		return err
	}
	body := &requestBody{Required: m.body != "*" || len(variables) == 0}
	kind := typeJSON
	if m.IsStreamingClient() {
		kind, s = typeNDJSON, lines(s)
		body.Required = !m.IsStreamingServer() // one answer to no record would be about nothing
		body.Description = "Newline-delimited JSON: each line is one such value, without line breaks in it. They are taken as they come, while the request is still being sent."
	}
	body.Content.Set(kind, &mediaType{Schema: s})
	op.RequestBody = body
	return nil
}

func (r *reviser) bodySchema(op *operation, m *method, variables []pathVariable) (*schema, error) {
	closed := func(name string) *schema {
		// In an allOf: generators pass over what stands beside a reference.
		return &schema{AllOf: []*schema{{Ref: schemaRef + name}}, UnevaluatedProperties: new(false)}
	}
	name := shortName(m.input())
	switch {
	case m.value != nil:
		return &schema{Ref: schemaRef + name}, r.addValueSchema(m.value)
	case m.body != "*":
		field, err := fieldOf(m.Input(), m.body)
		if err != nil {
			return nil, err
		}
		s := closed(shortName(field.Message()))
		if m.verb == "post" {
			requireOnCreation(s, field.Message())
		}
		return s, nil
	case len(variables) == 0:
		if _, ok := r.doc.Components.Schemas.Get(name); !ok {
			return nil, fmt.Errorf("the request has no schema %s", name)
		}
		return closed(name), nil
	}
	// What the path leaves of the request has no schema of its own yet.
	var inPath []string
	for _, v := range variables {
		inPath = append(inPath, v.field)
	}
	content, _ := op.RequestBody.Content.Get(typeJSON)
	if content == nil || content.Schema.Properties == nil {
		return nil, fmt.Errorf("the body has no schema")
	}
	if err := r.reviseMessage(content.Schema, m.Input(), inPath); err != nil {
		return nil, err
	}
	content.Schema.Description = "What the path does not say. All of it may be left out, and then the body too."
	r.doc.Components.Schemas.Set(name, content.Schema)
	return closed(name), nil
}

// addValueSchema adds the schema of a bare value.
func (r *reviser) addValueSchema(message protoreflect.MessageDescriptor) error {
	s := &schema{Type: "string"}
	if err := r.reviseField(s, message.Fields().ByName("value")); err != nil {
		return err
	}
	r.doc.Components.Schemas.Set(shortName(message), s)
	return nil
}

// requireOnCreation adds the fields that a resource must have when it is created (AIP-203); an empty text is none. Once
// the resource is there they can be left out: an update writes what it says.
func requireOnCreation(s *schema, resource protoreflect.MessageDescriptor) {
	for i := range resource.Fields().Len() {
		field := resource.Fields().Get(i)
		if !hasBehavior(field, annotations.FieldBehavior_REQUIRED) {
			continue
		}
		s.Required = append(s.Required, field.JSONName())
		if field.Kind() == protoreflect.StringKind && !field.IsList() {
			if s.Properties == nil {
				s.Properties = &ordered.Object[*schema]{}
			}
			s.Properties.Set(field.JSONName(), &schema{Type: "string", MinLength: new(uint64(1))})
		}
	}
}

func (r *reviser) reviseResponses(op *operation, m *method) error {
	op.Responses = ordered.Object[*response]{}
	answer := &schema{Ref: schemaRef + shortName(m.Output())}
	description := r.describe(m.Output())
	if m.Output().FullName() == stringValue {
		answer, description = &schema{Type: "string"}, "The answer, a JSON string."
	}
	headers := &ordered.Object[*header]{}
	addHeaders(headers, r.responseHeaders(m)...)
	content := &ordered.Object[*mediaType]{}
	if m.IsStreamingServer() {
		description = streamed(content, answer, description)
	} else {
		content.Set(typeJSON, &mediaType{Schema: answer})
	}
	op.Responses.Set("200", &response{Description: description, Headers: headers, Content: content})
	if m.canHaveEnded() {
		headers := &ordered.Object[*header]{}
		addHeaders(headers, "X-Request-Id")
		op.Responses.Set("204", &response{Description: "The stream of server-sent events that `Last-Event-ID` belongs to has ended. An EventSource then stops.", Headers: headers})
	}
	if m.conditional() {
		headers := &ordered.Object[*header]{}
		addHeaders(headers, append(rateLimitHeaders(), "ETag", "X-Request-Id")...)
		op.Responses.Set("304", &response{Description: "The resource still has an entity tag of `If-None-Match`. There is no body.", Headers: headers})
	}
	return r.errorResponses(op, m)
}

func (r *reviser) responseHeaders(m *method) []string {
	var names []string
	if m.answersTag() {
		names = append(names, "ETag")
	}
	if m.has(apiv1.ErrorReason_IDEMPOTENCY_KEY_REUSED) {
		names = append(names, "Idempotency-Replayed")
	}
	if m.has(apiv1.ErrorReason_VERSION_RETIRED) {
		names = append(names, legacyHeaders()...)
	}
	return append(append(names, rateLimitHeaders()...), "X-Request-Id")
}

func addHeaders(headers *ordered.Object[*header], names ...string) {
	slices.Sort(names)
	for _, name := range names {
		headers.Set(name, &header{Ref: "#/components/headers/" + name})
	}
}
