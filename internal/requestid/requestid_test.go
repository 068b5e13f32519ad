package requestid_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"ordermanagement/internal/requestid"
)

func TestOf(t *testing.T) {
	for _, test := range []struct {
		name  string
		given []string
		kept  bool
	}{
		{"none", nil, false},
		{"empty", []string{""}, false},
		{"one", []string{"Az09._-"}, true},
		{"the longest", []string{strings.Repeat("x", 128)}, true},
		{"too long", []string{strings.Repeat("x", 129)}, false},
		{"two", []string{"a", "a"}, false},
		{"line break", []string{"a\nb"}, false},
		{"blank", []string{"a b"}, false},
		{"quote", []string{`a"b`}, false},
		{"not ASCII", []string{"é"}, false},
		{"just outside of the letters", []string{"@"}, false},
		{"likewise", []string{"{"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			id := requestid.Of(test.given)
			if test.kept {
				if id != test.given[0] {
					t.Errorf("Of(%q) = %q", test.given, id)
				}
				return
			}
			if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 7 {
				t.Errorf("Of(%q) = %q, not a new id", test.given, id)
			}
		})
	}
	if requestid.Of(nil) == requestid.Of(nil) {
		t.Error("two calls get the same id")
	}
}
