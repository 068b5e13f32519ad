// Package documents checks HTTP exchanges against the OpenAPI documents: what the service takes, refuses and answers must
// be what they say, and what they say must be seen. The rules themselves are libopenapi-validator's; here stands what
// OpenAPI 3.1 has no word for (streams of records, reasons of errors, headers that nobody documented).
package documents

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	"github.com/pb33f/libopenapi-validator/router"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// Documents are the documents of all versions, and what of them has been seen. They may be used by many goroutines.
type Documents struct {
	rules     *Rules
	documents []*document

	mu     sync.Mutex
	seen   map[string]bool
	needed map[*Exception]bool
}

// document is one document, compiled twice: as it is, for requests, and closed, for answers.
type document struct {
	name     string
	model    *v3.Document
	router   router.Router
	requests validator.Validator
	answers  validator.Validator
}

// Load compiles the documents, all *.json of a folder.
func Load(files fs.FS, rules Rules) (*Documents, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil || len(names) == 0 {
		return nil, cmp.Or(err, errors.New("there are no documents"))
	}
	d := &Documents{rules: &rules, seen: map[string]bool{}, needed: map[*Exception]bool{}}
	if err := rules.compile(); err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		one, err := compile(name, data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		d.documents = append(d.documents, one)
	}
	return d, nil
}

// mutualTLS is the security scheme of callers who show a certificate, which no exchange of these does.
const mutualTLS = "mutualTLS"

func compile(name string, data []byte) (*document, error) {
	open, model, err := build(data, func(map[string]any) {})
	if err != nil {
		return nil, err
	}
	closed, _, err := build(data, closeSchema)
	if err != nil {
		return nil, err
	}
	return &document{
		name: name, model: model, requests: open, answers: closed,
		router: router.NewRouter(model, router.WithPathOnlyMatching(), router.WithPathLookup(noLookup{})),
	}, nil
}

// build makes a validator of a document, each of whose objects is changed first. To the documents the body of a stream is a
// text, with the schema of its records as contentSchema, which nobody validates; the validator gets it as a list of records,
// which is what its decoder makes of a body.
func build(data []byte, change func(map[string]any)) (validator.Validator, *v3.Document, error) {
	var root any
	if err := json.Unmarshal(data, &root); err != nil {
		return nil, nil, err
	}
	walk(root, change)
	// A certificate is none of a request's, so that the validator finds it with every request: nobody would be refused.
	walk(root, func(object map[string]any) {
		if ways, ok := object["security"].([]any); ok {
			object["security"] = slices.DeleteFunc(ways, func(way any) bool { return way.(map[string]any)[mutualTLS] != nil })
		}
	})
	walk(root, func(object map[string]any) {
		media, _ := object[ndjson].(map[string]any)
		schema, _ := media["schema"].(map[string]any)
		if record, ok := schema["contentSchema"]; ok {
			media["schema"] = map[string]any{"type": "array", "items": record}
			if other, ok := object[events].(map[string]any); ok {
				other["schema"] = media["schema"] // the same records, written otherwise
			}
		}
	})
	data, err := json.Marshal(root)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := libopenapi.NewDocument(data)
	if err != nil {
		return nil, nil, err
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		return nil, nil, err
	}
	return validator.NewValidatorFromV3Model(&model.Model,
		config.WithFormatAssertions(), config.WithRejectUndeclaredRequestBody(), config.WithRejectUnsupportedBodyContent(),
		config.WithPathTree(noLookup{}), config.WithBodyDecoder(ndjson, content.DecoderFunc(decodeRecords)),
		config.WithBodyDecoder(events, content.DecoderFunc(decodeRecords))), &model.Model, nil
}

// closeSchema lets an object have no field but its documented ones, so that an answer with any other is found. One that is
// made of several schemas is left to these.
func closeSchema(object map[string]any) {
	if _, isSchema := object["properties"].(map[string]any); !isSchema || object["type"] != "object" {
		return
	}
	for _, said := range []string{"additionalProperties", "unevaluatedProperties", "allOf", "anyOf", "oneOf"} {
		if _, ok := object[said]; ok {
			return
		}
	}
	object["additionalProperties"] = false
}

func walk(value any, visit func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		visit(value)
		for _, inner := range value {
			walk(inner, visit)
		}
	case []any:
		for _, inner := range value {
			walk(inner, visit)
		}
	}
}

// noLookup makes the validator match paths by their templates. Its tree takes whole segments for parameters, and would find
// /v2/orders/{order} for /v2/orders/a:confirm.
type noLookup struct{}

func (noLookup) Lookup(string) (*v3.PathItem, string, bool) { return nil, "", false }

// operation is what a document says about a request's path and method.
type operation struct {
	document *document
	route    *router.Route
	*v3.Operation
}

func (o *operation) String() string { return o.document.name + " " + o.OperationId }

// find finds the operation of a request; nil when no document has it.
func (d *Documents) find(request *http.Request) *operation {
	for _, document := range d.documents {
		if route, err := document.router.FindRoute(request); err == nil {
			return &operation{document, route, route.Operation}
		}
	}
	return nil
}

// operations are all of all documents.
func (d *Documents) operations() []*operation {
	var all []*operation
	for _, document := range d.documents {
		for path, item := range document.model.Paths.PathItems.FromOldest() {
			for method, found := range item.GetOperations().FromOldest() {
				route := &router.Route{Document: document.model, Path: path, PathItem: item, Method: strings.ToUpper(method), Operation: found}
				all = append(all, &operation{document, route, found})
			}
		}
	}
	slices.SortFunc(all, func(a, b *operation) int { return cmp.Compare(a.String(), b.String()) })
	return all
}
