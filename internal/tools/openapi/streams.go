package main

import "ordermanagement/internal/ordered"

// What the documents say of streams to callers; OpenAPI 3.1 has no word for the records of one.
const (
	aboutStreams = "\n\nA stream: by default newline-delimited JSON, each line `{\"result\": …}` with one record. " +
		"When it fails after the first record the last line is `{\"error\": …}` instead. " +
		"With `Accept: text/event-stream` it comes as server-sent events. What fails at once is an error like any other."
	aboutEvents = "Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). " +
		"Each record is an event with its number as the `id`, whose `data` is the JSON of the record itself. " +
		"The last event is `end`, or `error`, whose `data` is the JSON of the error. " +
		"It has the id `end`, unless trying again may help: it then says in `retry` when. " +
		"Comments in between keep the connection alive."
)

// lines is the body of a stream as a whole: tools send and read one as a text. contentSchema is that of a line. There is no
// contentMediaType, which the media type of the body says already: Swagger UI would ask for a file to send.
func lines(record *schema) *schema { return &schema{Type: "string", ContentSchema: record} }

// streamed documents the answer of a stream in both of its forms, and completes its description.
func streamed(content *ordered.Object[*mediaType], record *schema, description string) string {
	line := func(name string, s *schema) *schema {
		properties := &ordered.Object[*schema]{}
		properties.Set(name, s)
		return &schema{Type: "object", Properties: properties, Required: []string{name}}
	}
	content.Set(typeNDJSON, &mediaType{Schema: lines(&schema{
		Description: "One line of the stream.",
		OneOf:       []*schema{line("result", record), line("error", &schema{Ref: schemaRef + "Status"})},
	})})
	content.Set(typeEvents, &mediaType{Schema: &schema{Type: "string", Description: aboutEvents}})
	return description + aboutStreams
}
