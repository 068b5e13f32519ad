package documents

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// Tell calls every operation of every document with its own example, in the order of the document's x-story, and says what
// was not answered as documented. What a link says of the operation it leads to takes the place of that one's example
// (OpenAPI 3.1, Link Object).
func (d *Documents) Tell(ctx context.Context, client *http.Client, base string) error {
	var wrong []error
	for _, document := range d.documents {
		wrong = append(wrong, d.tell(ctx, client, base, document))
	}
	return errors.Join(wrong...)
}

func (d *Documents) tell(ctx context.Context, client *http.Client, base string, document *document) error {
	var story []string
	if node, ok := document.model.Extensions.Get("x-story"); ok {
		if err := node.Decode(&story); err != nil {
			return err
		}
	}
	operations := map[string]*operation{}
	for _, o := range d.operations() {
		if o.document != document {
			continue
		}
		operations[o.OperationId] = o
		if !slices.Contains(story, o.OperationId) {
			return fmt.Errorf("the story of %s does not tell of %s", document.name, o.OperationId)
		}
	}
	var wrong []error
	linked := map[string]map[string]string{} // parameters by operation
	for _, id := range story {
		o := operations[id]
		if o == nil {
			return fmt.Errorf("%s has no operation %s", document.name, id)
		}
		if err := d.tellOne(ctx, client, base, o, linked); err != nil {
			wrong = append(wrong, fmt.Errorf("the example of %s: %w", o, err))
		}
	}
	return errors.Join(wrong...)
}

func (d *Documents) tellOne(ctx context.Context, client *http.Client, base string, o *operation, linked map[string]map[string]string) error {
	request, err := o.exampleRequest(ctx, base, linked[o.OperationId])
	if err != nil {
		return err
	}
	answer, record, err := Record(client, request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices || bytes.Contains(body, []byte(`{"error":`)) {
		err = fmt.Errorf("the answer is %d %.600s", answer.StatusCode, body)
	}
	exchange := record.Exchange()
	exchange.Open = true // the client adds its credential to what is recorded
	if found := d.find(exchange.Request); found == nil || found.OperationId != o.OperationId {
		err = errors.Join(err, fmt.Errorf("%s %s is another operation", request.Method, request.URL))
	}
	return errors.Join(err, d.Check(exchange), o.follow(answer.StatusCode, body, linked))
}

// exampleRequest makes the request of an operation's examples.
func (o *operation) exampleRequest(ctx context.Context, base string, linked map[string]string) (*http.Request, error) {
	path, query, header := o.route.Path, url.Values{}, http.Header{"Te": {"trailers"}}
	for _, parameter := range append(o.Parameters, o.route.PathItem.Parameters...) {
		value, ok := linked[parameter.Name]
		if !ok && parameter.Example != nil {
			if err := parameter.Example.Decode(&value); err != nil {
				return nil, err
			}
			ok = true
		}
		switch {
		case !ok && parameter.Required != nil && *parameter.Required:
			return nil, fmt.Errorf("the parameter %s has no example", parameter.Name)
		case !ok:
		case parameter.In == "path":
			path = strings.ReplaceAll(path, "{"+parameter.Name+"}", url.PathEscape(value))
		case parameter.In == "query":
			query.Set(parameter.Name, value)
		case parameter.In == "header":
			header.Set(parameter.Name, value)
		default:
			return nil, fmt.Errorf("a parameter in %s", parameter.In)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var body []byte
	if mediaType := o.mediaType(); mediaType != "" {
		bodies, err := exampleBodies(mediaType, o.RequestBody.Content.GetOrZero(mediaType))
		if err != nil {
			return nil, err
		}
		if len(bodies) > 0 {
			body = bodies[0]
		}
		if body == nil && o.RequestBody.Required != nil && *o.RequestBody.Required {
			return nil, errors.New("the body has no example")
		}
		header.Set("Content-Type", mediaType)
	}
	request, err := http.NewRequestWithContext(ctx, o.route.Method, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = header
	return request, nil
}

// exampleBodies are the examples of a body, the one that is sent first; none if there are none. That of a stream is text.
func exampleBodies(mediaType string, content *v3.MediaType) ([][]byte, error) {
	var examples []func(any) error // which decode each
	if content.Example != nil {
		examples = append(examples, content.Example.Decode)
	}
	if content.Examples != nil {
		for _, example := range content.Examples.FromOldest() {
			examples = append(examples, example.Value.Decode)
		}
	}
	var bodies [][]byte
	for _, decode := range examples {
		var value any
		if err := decode(&value); err != nil {
			return nil, err
		}
		body, err := json.Marshal(value)
		if text, ok := value.(string); ok && (mediaType == ndjson || mediaType == events) {
			body = []byte(text)
		}
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

// follow keeps what the links of an answer say about the operations they lead to.
func (o *operation) follow(status int, body []byte, linked map[string]map[string]string) error {
	response := o.Responses.Codes.GetOrZero(fmt.Sprint(status))
	if response == nil || response.Links == nil {
		return nil
	}
	for _, link := range response.Links.FromOldest() {
		if linked[link.OperationId] == nil {
			linked[link.OperationId] = map[string]string{}
		}
		for name, expression := range link.Parameters.FromOldest() {
			if expression != "$response.body" {
				return fmt.Errorf("this test doesn't know the expression %s of a link", expression)
			}
			var value string
			if err := json.Unmarshal(body, &value); err != nil {
				return err
			}
			linked[link.OperationId][name] = value
		}
	}
	return nil
}

// CheckExamples says which examples of answers are missing, or not as their schemas say.
func (d *Documents) CheckExamples() error {
	var wrong []error
	for _, o := range d.operations() {
		for code, response := range o.Responses.Codes.FromOldest() {
			if response.Content == nil {
				continue
			}
			for mediaType, content := range response.Content.FromOldest() {
				bodies, err := exampleBodies(mediaType, content)
				if err == nil && len(bodies) == 0 {
					err = errors.New("there is none")
				}
				for _, body := range bodies {
					err = errors.Join(err, o.checkExample(code, mediaType, body))
				}
				if err != nil {
					wrong = append(wrong, fmt.Errorf("the example of %s, %s %s: %w", o, code, mediaType, err))
				}
			}
		}
	}
	return errors.Join(wrong...)
}

func (o *operation) checkExample(code, mediaType string, body []byte) error {
	request, err := http.NewRequest(o.route.Method, o.route.Path, nil)
	if err != nil {
		return err
	}
	answer := &http.Response{Header: http.Header{"Content-Type": {mediaType}}}
	if _, err := fmt.Sscan(code, &answer.StatusCode); err != nil {
		return err
	}
	return errors.Join(o.checkAnswer(&Exchange{Request: request, Answer: answer, AnswerBody: body, Whole: true})...)
}
