package corpus

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
)

// Compare finds the steps of a case that have not ended the same over all transports, by the transports' names in their order. A
// step in which the protocols can't say the same is compared within each protocol.
func Compare(transports []string, records map[string][]*Record) []string {
	var differences []string
	first := map[string]*Record{}
	from := map[string]string{}
	for _, transport := range transports {
		for _, record := range records[transport] {
			key := fmt.Sprint(record.Step)
			if record.Apart {
				key += record.Protocol
			}
			reference, ok := first[key]
			if !ok {
				first[key], from[key] = record, transport
				continue
			}
			if a, b := normalize(reference), normalize(record); a != b {
				differences = append(differences,
					fmt.Sprintf("step %d %s\n%s:\n%s\n%s:\n%s", record.Step+1, record.Why, from[key], a, transport, b))
			}
			if a, b := reference.Result.HTTP, record.Result.HTTP; a != 0 && b != 0 && a != b {
				differences = append(differences, fmt.Sprintf("step %d %s: HTTP %d over %s, %d over %s", record.Step+1, record.Why, a, from[key], b, transport))
			}
		}
	}
	return differences
}

// normalize writes a record down without what is different each time.
func normalize(record *Record) string {
	result := record.Result
	failure, err := jsonOf(result.Error)
	if result.Error == (*spb.Status)(nil) || err != nil {
		failure = nil
	}
	all := map[string]any{"1 code": result.Code.String(), "2 error": failure, "3 answers": result.Answers}
	if !record.Broken {
		all["4 header"], all["5 trailer"] = nonEmpty(result.Header), nonEmpty(result.Trailer)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err.Error()
	}
	return vary(string(text))
}

func nonEmpty(header map[string][]string) map[string][]string {
	if len(header) == 0 {
		return nil
	}
	return header
}

// What is different each time. Of ids, tags and numbers it still matters which are the same.
var varying = []struct {
	kind     string
	pattern  *regexp.Regexp
	numbered bool
}{
	{"token", regexp.MustCompile(`(?:"nextPageToken": )("[^"]+")`), false},
	{"time", regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), false},
	{"time", regexp.MustCompile(`[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{9}`), false},
	{"uuid", regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), true},
	{"etag", regexp.MustCompile(`\\"[A-Za-z0-9_-]{16}\\"`), true},
	{"id", regexp.MustCompile(`\b[0-9A-HJKMNP-TV-Z]{26}\b`), true},
	{"number", regexp.MustCompile(`\b\d{6}-[0-9A-HJKMNP-TV-Z]{6}-[0-9A-HJKMNP-TV-Z]{6}\b`), true},
}

func vary(text string) string {
	// <, > and & stand as escapes in the JSON of the text.
	text = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(text)
	for _, v := range varying {
		seen := map[string]int{}
		text = v.pattern.ReplaceAllStringFunc(text, func(found string) string {
			if !v.numbered {
				return "<" + v.kind + ">"
			}
			if _, ok := seen[found]; !ok {
				seen[found] = len(seen) + 1
			}
			return fmt.Sprintf("<%s %d>", v.kind, seen[found])
		})
	}
	return text
}
