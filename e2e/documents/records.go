package documents

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/pb33f/libopenapi-validator/content"
)

// The media types of streams: one JSON record a line, and Server-Sent Events.
const (
	ndjson = "application/x-ndjson"
	events = "text/event-stream"
)

// isRecords says whether an answer is a stream, whose error may come after records.
func isRecords(answer *http.Response) bool {
	mediaType, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	return mediaType == ndjson || mediaType == events
}

// recordsOf takes a stream apart. Events become what NDJSON has for them: {"result": …} or {"error": …}.
func recordsOf(mediaType string, body []byte) ([][]byte, error) {
	var records [][]byte
	if mediaType != events {
		for line := range bytes.Lines(body) {
			if len(bytes.TrimSpace(line)) > 0 {
				records = append(records, bytes.TrimSpace(line))
			}
		}
		return records, nil
	}
	for event := range strings.SplitSeq(string(body), "\n\n") {
		name, data := "result", ""
		for line := range strings.SplitSeq(event, "\n") {
			if value, ok := strings.CutPrefix(line, "event: "); ok {
				name = value
			}
			if value, ok := strings.CutPrefix(line, "data: "); ok {
				data = value
			}
		}
		switch {
		case data == "" || name == "end" && data == "{}": // comments; the end
		case !json.Valid([]byte(data)):
			return nil, fmt.Errorf("the data of an event is not JSON: %.200q", event)
		default:
			records = append(records, fmt.Appendf(nil, `{%q:%s}`, name, data))
		}
	}
	return records, nil
}

// decodeRecords reads a stream as a list of its records.
func decodeRecords(input *content.DecodeInput) (any, error) {
	body, err := io.ReadAll(input.Body)
	if err != nil {
		return nil, err
	}
	records, err := recordsOf(input.MediaType, body)
	if err != nil {
		return nil, err
	}
	decoded := make([]any, len(records))
	for i, record := range records {
		one := *input
		one.Body = bytes.NewReader(record)
		if decoded[i], err = content.JSONDecoder().Decode(&one); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

// wholeRecords leaves out a record that the client has not waited for.
func wholeRecords(body []byte) []byte {
	return body[:bytes.LastIndexByte(body, '\n')+1]
}
