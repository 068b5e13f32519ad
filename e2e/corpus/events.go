package corpus

import (
	"fmt"
	"strings"
)

// readEvents reads a stream of Server-Sent Events, each as an answer of its fields: {event, id, retry, data}, the data as
// the JSON that it is.
func (r *Result) readEvents(stream string) error {
	for stream != "" {
		block, rest, ended := strings.Cut(stream, "\n\n")
		if !ended {
			return fmt.Errorf("the stream ends within an event: %q", clip(stream))
		}
		stream = rest
		event := map[string]any{}
		for line := range strings.SplitSeq(block, "\n") {
			name, value, ok := strings.Cut(line, ": ")
			if _, twice := event[name]; !ok || twice {
				return fmt.Errorf("not a field of an event: %q", clip(line))
			}
			if name == "" {
				continue // a comment
			}
			event[name] = value
			if name == "data" {
				data, err := parseJSON([]byte(value))
				if err != nil {
					return fmt.Errorf("%w in %q", err, clip(line))
				}
				event[name] = data
			}
		}
		if len(event) > 0 {
			r.Answers = append(r.Answers, event)
		}
	}
	return nil
}
