package gateway

import (
	"bytes"
	"encoding/json"
	"testing"
)

// In whatever is JSON, the scan finds what encoding/json finds.
func FuzzCountJSON(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "[]", "1", `"{,"`, `{"a":"{\"{,","b":[1,2,{}]}`, `["\\",{}]`, `["\\\"{",{},{}]`, `{"{":{"\u0022,":","}}`,
		`[[],[[]],{"a":[{},{}]}, null]`, "[\"\u00e9,{\", \"\\n\"]", `{"a\\":{},"\\\\":[","]}`, `{"a`, `"\`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, commas := countJSON(data)
		if !json.Valid(data) {
			return
		}
		if wantObjects, wantCommas := countTokens(t, data); objects != wantObjects || commas != wantCommas {
			t.Errorf("%q: %d objects and %d commas, want %d and %d", data, objects, commas, wantObjects, wantCommas)
		}
	})
}

// countTokens counts the objects, and all but the first of the members and elements of each object and array.
func countTokens(t *testing.T, data []byte) (objects, commas int) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	type container struct {
		object bool
		tokens int // in it, at its level: two a member
	}
	open := []container{{}}
	for len(open) > 1 || open[0].tokens == 0 {
		token, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		delim, _ := token.(json.Delim)
		if delim == '}' || delim == ']' {
			last := open[len(open)-1]
			if last.object {
				last.tokens /= 2
			}
			commas += max(last.tokens-1, 0)
			open = open[:len(open)-1]
			continue
		}
		open[len(open)-1].tokens++
		if delim != 0 {
			open = append(open, container{object: delim == '{'})
		}
		if delim == '{' {
			objects++
		}
	}
	return objects, commas
}
