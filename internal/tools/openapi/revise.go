package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"ordermanagement/internal/ordered"
)

// reviser makes one document true to the contract.
type reviser struct {
	doc       *document
	contract  *contract
	story     *story
	jsonNames map[string]string // of all fields, by their proto names
	refusals  map[string]string // components of error responses, by what stands in them
}

// revise turns the document that openapiv3-merge has made of what protoc-gen-openapiv3 generates into a true one. The
// operations come in the order of the story.
func revise(doc *document, c *contract, s *story) error {
	r := &reviser{doc: doc, contract: c, story: s, jsonNames: c.fieldNames(), refusals: map[string]string{}}
	r.addReasonSchema()
	if err := r.reviseSchemas(); err != nil {
		return err
	}
	operations, err := r.reviseOperations()
	if err != nil {
		return err
	}
	doc.Paths = ordered.Object[*pathItem]{}
	for _, scene := range s.scenes {
		found := operations[scene.operationID]
		if found == nil {
			return fmt.Errorf("the examples call %s, which the document does not have", scene.operationID)
		}
		item, ok := doc.Paths.Get(found.path)
		if !ok {
			item = &pathItem{}
			doc.Paths.Set(found.path, item)
		}
		if _, ok := item.Get(found.method.verb); !ok {
			item.Set(found.method.verb, found.operation)
			doc.Story = append(doc.Story, scene.operationID)
		}
		if err := scene.show(found); err != nil {
			return fmt.Errorf("the example of %s: %w", scene.operationID, err)
		}
	}
	for id := range operations {
		if !slices.Contains(doc.Story, id) {
			return fmt.Errorf("%s has no example", id)
		}
	}
	doc.Servers = []server{{URL: "/", Description: "The service that this document was read from."}}
	r.describeTags()
	if err := doc.sortSchemes(); err != nil {
		return err
	}
	return doc.prune()
}

// reviseOperations finds the operations of the document, by id.
func (r *reviser) reviseOperations() (map[string]*placed, error) {
	operations := map[string]*placed{}
	for _, item := range r.doc.Paths.All() {
		for _, op := range item.All() {
			m := r.contract.methods[op.OperationID]
			if m == nil {
				return nil, fmt.Errorf("the contract has no method %s", op.OperationID)
			}
			found, err := r.reviseOperation(op, m)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", op.OperationID, err)
			}
			operations[op.OperationID] = found
		}
	}
	return operations, nil
}

// describeTags puts the services into the order of the story, with their comments.
func (r *reviser) describeTags() {
	services := map[string]protoreflect.Descriptor{}
	var order []string
	for _, id := range r.doc.Story {
		service := r.contract.methods[id].Parent()
		if services[string(service.Name())] == nil {
			services[string(service.Name())] = service
			order = append(order, string(service.Name()))
		}
	}
	r.doc.Tags = nil
	for _, name := range order {
		r.doc.Tags = append(r.doc.Tags, &tag{Name: name, Description: r.describe(services[name])})
	}
}

// prune leaves out the components that nothing refers to.
func (d *document) prune() error {
	for {
		text, err := ordered.Encode(d)
		if err != nil {
			return err
		}
		used := func(kind, name string) bool {
			return strings.Contains(string(text), `"#/components/`+kind+`/`+name+`"`)
		}
		removed := keep(&d.Components.Schemas, "schemas", used) + keep(&d.Components.Responses, "responses", used) +
			keep(&d.Components.Parameters, "parameters", used) + keep(&d.Components.Headers, "headers", used)
		if removed == 0 {
			return nil
		}
	}
}

func keep[V any](all *ordered.Object[V], kind string, used func(kind, name string) bool) (removed int) {
	var kept ordered.Object[V]
	for name, value := range all.All() {
		if used(kind, name) {
			kept.Set(name, value)
		} else {
			removed++
		}
	}
	*all = kept
	return removed
}
