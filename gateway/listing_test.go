package gateway_test

import (
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"google.golang.org/grpc/codes"

	"ordermanagement/internal/apierror"
)

var update = flag.Bool("update", false, "write the golden files anew")

// listing is a text for people that tests make of what they have seen, and compare with what they saw before. Equal lines
// stand in it once, so that a line more is something that was different somewhere.
type listing struct {
	mu       sync.Mutex
	sections map[string]map[string]string // lines by section, and where each was seen first
}

func newListing() *listing { return &listing{sections: map[string]map[string]string{}} }

func (l *listing) add(section, where string, columns ...string) {
	if section == "" {
		return
	}
	line := strings.Join(columns, "\t| ")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sections[section] == nil {
		l.sections[section] = map[string]string{}
	}
	if _, ok := l.sections[section][line]; !ok {
		l.sections[section][line] = where
	}
}

func (l *listing) String() string {
	var text strings.Builder
	text.WriteString("# Made by `go test ./gateway -run 'TestParity|TestArrivals' -update`; the columns are named in the tests.\n")
	for _, section := range slices.Sorted(maps.Keys(l.sections)) {
		fmt.Fprintf(&text, "\n## %s\n\n", section)
		table := tabwriter.NewWriter(&text, 0, 8, 1, ' ', 0)
		for _, line := range slices.Sorted(maps.Keys(l.sections[section])) {
			fmt.Fprintln(table, line)
		}
		table.Flush()
	}
	return text.String()
}

// check compares the listing with a golden file, or writes that anew.
func (l *listing) check(t *testing.T, file string) {
	t.Helper()
	got := l.String()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(golden) == got {
		return
	}
	before, now := strings.Split(string(golden), "\n"), strings.Split(got, "\n")
	for _, line := range before {
		if !slices.Contains(now, line) {
			t.Errorf("%s has a line that was not seen now: %s", file, line)
		}
	}
	for _, line := range now {
		if !slices.Contains(before, line) {
			t.Errorf("%s lacks a line: %s (first seen at %s)", file, line, l.where(line))
		}
	}
	t.Errorf("if this is as it should be, write %s anew with -update", file)
}

func (l *listing) where(aligned string) string {
	for _, lines := range l.sections {
		for line, where := range lines {
			if strings.Join(strings.Fields(line), " ") == strings.Join(strings.Fields(aligned), " ") {
				return where
			}
		}
	}
	return "nowhere"
}

// outcome lists what a gRPC client and an HTTP client got of the same call, side by side.
func (l *listing) outcome(where string, m contractMethod, s scenario, byGRPC, byHTTP outcome, te bool) {
	end, grpcEnd, httpEnd := "well", "OK", byHTTP.http
	if s.reason != noReason {
		end, grpcEnd = "error", "Status"
		code := apierror.HTTPStatus(errorOf(s.reason))
		httpEnd = strings.Replace(httpEnd, fmt.Sprint(code, " "), "code of the reason, ", 1) + ", Status"
		if byHTTP.messages > 0 {
			httpEnd = byHTTP.http + ", " + `{"error": Status}`
		} else {
			l.errorCodes(where, s, byGRPC, byHTTP)
		}
	}
	if byHTTP.vary != nil {
		httpEnd += ", " + written("Vary", byHTTP.vary)
	}
	l.add("how calls end: kind | end | messages | by gRPC | by HTTP", where, m.kind(), end, fmt.Sprint(byGRPC.messages), grpcEnd, httpEnd)

	if s.told {
		l.pairs("header: by gRPC | by HTTP", where, byGRPC.header, byHTTP.header, httpNameOf)
	} else if s.reason == noReason || byHTTP.messages > 0 { // for others see the list of errors
		l.pairs("header where the server sends none: by gRPC | by HTTP", where, byGRPC.header, byHTTP.header, httpNameOf)
	}
	if te {
		l.pairs("trailer, with TE: trailers: by gRPC | by HTTP", where, byGRPC.trailer, byHTTP.trailer, httpTrailerOf)
	} else if len(byHTTP.trailer) > 0 {
		l.pairs("trailer, without TE", where, nil, byHTTP.trailer, httpTrailerOf)
	}
}

func (l *listing) errorCodes(where string, s scenario, byGRPC, byHTTP outcome) {
	if s.told {
		return
	}
	columns := []string{fmt.Sprintf("%2d", s.reason), s.reason.String(), codes.Code(byGRPC.status.GetCode()).String(), byHTTP.http}
	for _, name := range slices.Sorted(maps.Keys(byHTTP.header)) {
		if name != "X-Request-Id" && name != "X-Content-Type-Options" {
			columns = append(columns, written(name, byHTTP.header[name]))
		}
	}
	l.add("errors: reason | gRPC | HTTP | what HTTP adds where the server sends no header", where, columns...)
}

// pairs lists metadata beside the fields that have come of it.
func (l *listing) pairs(section, where string, md, fields map[string][]string, name func(string) string) {
	fields = maps.Clone(fields)
	for key, values := range md {
		field := "-"
		if there, ok := fields[name(key)]; ok {
			field = written(name(key), there)
			delete(fields, name(key))
		}
		l.add(section, where, written(key, values), field)
	}
	for name, values := range fields {
		l.add(section, where, "-", written(name, values))
	}
}

func written(name string, values []string) string {
	quoted := make([]string, len(values))
	for i := range values {
		quoted[i] = fmt.Sprintf("%+q", values[i])
	}
	return name + ": " + strings.Join(quoted, ", ")
}

// httpNames are the metadata keys that HTTP has a name for, as the design has them; all others are Grpc-Metadata-….
var httpNames = []string{"etag", "retry-after", "x-request-id", "deprecation", "sunset", "link", "idempotency-replayed", "www-authenticate", "allow"}

func httpNameOf(key string) string {
	if slices.Contains(httpNames, key) || strings.HasPrefix(key, "x-ratelimit-") || strings.HasPrefix(key, "ratelimit") {
		return http.CanonicalHeaderKey(key)
	}
	return http.CanonicalHeaderKey("Grpc-Metadata-" + key)
}

func httpTrailerOf(key string) string { return http.CanonicalHeaderKey("Grpc-Trailer-" + key) }
