package gateway_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"ordermanagement/gateway"
)

// echo answers the metadata that a call arrived with.
var echo contract = func(ctx context.Context) reply {
	md, _ := metadata.FromIncomingContext(ctx)
	seen := map[string][]string{}
	for key, values := range md {
		for _, value := range values {
			seen[key] = append(seen[key], base64.StdEncoding.EncodeToString([]byte(value))) // JSON has no bytes
		}
	}
	data, err := json.Marshal(seen)
	return reply{header: metadata.Pairs("seen-bin", string(data)), err: err}
}

// arrived is the metadata that echo has seen, without what gRPC adds; nil when the request was refused.
func arrived(t *testing.T, a answer) map[string][]string {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		return nil
	}
	data, err := base64.StdEncoding.DecodeString(a.Header.Get("Grpc-Metadata-Seen-Bin"))
	all := map[string][][]byte{}
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		t.Fatalf("%v: %q", err, data)
	}
	got := map[string][]string{}
	for key, values := range all {
		if !slices.Contains([]string{":authority", "content-type", "user-agent", "grpc-accept-encoding", "x-request-id"}, key) {
			for _, value := range values {
				got[key] = append(got[key], string(value))
			}
		}
	}
	return got
}

// sent is a request header: names as they are written, which HTTP/1.1 keeps.
type sent []string

func (s sent) String() string {
	var fields []string
	for i := 0; i < len(s); i += 2 {
		fields = append(fields, fmt.Sprintf("%s: %+q", s[i], s[i+1]))
	}
	return strings.Join(fields, ", ")
}

// TestArrivals lists what every request header becomes as metadata, in testdata/arrivals.golden: all that the gateway's
// own lists name, found by walking them, and what resembles it. What is reserved must never arrive, whatever its case.
func TestArrivals(t *testing.T) {
	list := newListing()
	everyWay(t, echo, func(t *testing.T, front *front) {
		for _, path := range []string{"/v2/orders/x", "/v1/orders:search"} { // unary and streaming
			show := func(section string, fields ...string) map[string][]string { // without a section it shows nothing
				t.Helper()
				r := front.request(t, "GET", path, nil)
				for i := 0; i < len(fields); i += 2 {
					r.Header[fields[i]] = append(r.Header[fields[i]], fields[i+1])
				}
				a := front.send(t, r)
				got := arrived(t, a)
				if got == nil {
					var f failure
					_ = json.Unmarshal([]byte(a.body), &f)
					list.add(section, t.Name(), sent(fields).String(), fmt.Sprintf("refused: %d %s of %s", a.StatusCode, f.reason(), f.field()))
					return nil
				}
				if hops := got["x-forwarded-for"]; !slices.Equal(hops, []string{"127.0.0.1"}) {
					t.Errorf("%s: x-forwarded-for is %q", sent(fields), hops)
				}
				delete(got, "x-forwarded-for")
				seen := "-"
				for _, key := range slices.Sorted(maps.Keys(got)) {
					seen = strings.TrimPrefix(seen+"; "+written(key, got[key]), "-; ")
				}
				list.add(section, t.Name(), sent(fields).String(), seen)
				return got
			}
			showCredential(t, show)
			showForwarded(t, show)
			showReserved(t, show)
			for _, fields := range ownFields {
				show("metadata of the caller's own, and what is none", fields...)
			}
		}
	})
	if !t.Failed() {
		list.check(t, "testdata/arrivals.golden")
	}
}

// showCredential shows that the server gets exactly one credential, whatever came.
func showCredential(t *testing.T, show func(string, ...string) map[string][]string) {
	t.Helper()
	for _, fields := range []sent{
		{"Authorization", "Bearer a"}, {"aUTHORIZATION", "Bearer a"}, {"Authorization", ""}, {"Authorization", " Bearer a  b "},
		{"Authorization", "Bearer\ta"}, {"Authorization", "Bearer ü"}, {"Authorization", "Bearer \xff"},
		{"Authorization", "Bearer a", "Authorization", "Bearer a"}, {"Authorization", "", "aUTHORIZATION", "Bearer a"},
		{"Authorization", "Bearer a", "Grpc-Metadata-Authorization", "Bearer forged"},
	} {
		if got := show("the credential", fields...); len(got) != 1 || len(got["authorization"]) != 1 {
			t.Errorf("%s arrives as %q", fields, got)
		}
	}
}

func showForwarded(t *testing.T, show func(string, ...string) map[string][]string) {
	t.Helper()
	for _, f := range gateway.ForwardedHeaders() {
		const section = "headers that are forwarded"
		key := strings.ToLower(f.Name)
		show(section, f.Name, "a")
		for _, name := range []string{f.Name, key, strings.ToUpper(f.Name), oddCase(f.Name)} {
			if got := show("", name, "a"); len(got) != 1 || !slices.Equal(got[key], []string{"a"}) {
				t.Errorf("%s arrives as %q", name, got)
			}
		}
		show(section, f.Name, "")
		show(section, f.Name, " a  b ")
		show(section, f.Name, "a\tb")
		if got := show(section, f.Name, "a", f.Name, "b"); f.Once != (got == nil) {
			t.Errorf("%s twice: %q", f.Name, got)
		}
		if got := show("", f.Name, "a", oddCase(f.Name), "a"); f.Once != (got == nil) {
			t.Errorf("%s twice: %q", f.Name, got)
		}
		if got := show(section, f.Name, "ü"); got != nil {
			t.Errorf("%s that is not ASCII: %q", f.Name, got)
		}
		if got := show(section, f.Name, "a", "Grpc-Metadata-"+f.Name, "forged"); !slices.Equal(got[key], []string{"a"}) {
			t.Errorf("%s beside a forged one: %q", f.Name, got)
		}
	}
}

// ofHTTP are reserved keys that are headers with a meaning of their own in HTTP: e2e/front sends them.
var ofHTTP = []string{
	"authorization", "x-request-id", "host", "te", "trailer", "connection", "keep-alive", "transfer-encoding", "upgrade", "content-type",
	"content-length", "content-encoding",
}

func showReserved(t *testing.T, show func(string, ...string) map[string][]string) {
	t.Helper()
	keys := slices.Clone(gateway.ReservedKeys())
	for _, prefix := range gateway.ReservedPrefixes() {
		keys = append(keys, prefix+"x", prefix+"x-bin")
	}
	own := slices.Clone(ofHTTP)
	for _, f := range gateway.ForwardedHeaders() {
		own = append(own, strings.ToLower(f.Name))
	}
	const forged = "Zm9yZ2Vk" // "forged", to a binary key
	for _, key := range slices.Concat(keys, own) {
		name := http.CanonicalHeaderKey("Grpc-Metadata-" + key)
		show("reserved keys", name, forged)
		for _, name := range []string{name, "Grpc-Metadata-" + key, strings.ToUpper(name), oddCase(name)} {
			if got := show("", name, forged); got == nil || len(got) > 0 {
				t.Errorf("%s arrives as %q", name, got)
			}
		}
	}
	for _, key := range append(keys, "x-tenant-id", "from", "origin") {
		if slices.Contains(own, key) {
			continue
		}
		if got := show("headers that are not forwarded", http.CanonicalHeaderKey(key), forged); got == nil || len(got) > 0 {
			t.Errorf("%s arrives as %q", key, got)
		}
	}
}

// ownFields are metadata of the caller's own, well-formed or not.
var ownFields = []sent{
	{"Grpc-Metadata-Colour", "red"},
	{"Grpc-Metadata-Colour", "red", "Grpc-Metadata-Colour", "blue"},
	{"gRPC-mETADATA-cOLOUR", "red"},
	{"Grpc-Metadata-Colour", ""},
	{"Grpc-Metadata-Colour", "  red  "},
	{"Grpc-Metadata-Colour", "a, b"},
	{"Grpc-Metadata-Colour", "a\tb"},
	{"Grpc-Metadata-Colour", "rot und grün"},
	{"Grpc-Metadata-A_b.c-1", "x"},
	{"Grpc-Metadata-", "x"},
	{"Grpc-Metadata", "x"},
	{"Grpc-Metadata-A!b", "x"},
	{"Grpc_Metadata_Colour", "red"},
	{"Grpc-Metadata_Colour", "red"},
	{"Grpc-Trailer-Colour", "red"},
	{"Grpc-Metadata-X_Tenant", "own, and no identity"},
	{"Grpc-Metadata-X-Tenant-Id", "own, and no identity"},
	{"Grpc-Metadata-Authorization-Bin", "eA=="},
	{"Grpc-Metadata-Grpc-Metadata-Authorization", "x"},
	{"Grpc-Metadata-Seal-Bin", "AP8="},
	{"Grpc-Metadata-Seal-Bin", "AP8"},
	{"Grpc-Metadata-Seal-Bin", "AP8=, AQ"},
	{"Grpc-Metadata-Seal-Bin", "AP8=", "Grpc-Metadata-Seal-Bin", "AQ"},
	{"Grpc-Metadata-Seal-Bin", ""},
	{"Grpc-Metadata-Seal-Bin", ","},
	{"Grpc-Metadata-Seal-Bin", "DQpYOiAx"}, // "\r\nX: 1", which no text could be
	{"Grpc-Metadata-Seal-Bin", "AP9="},     // bits left over
	{"Grpc-Metadata-Seal-Bin", "A"},
	{"Grpc-Metadata-Seal-Bin", "AP8==="},
	{"Grpc-Metadata-Seal-Bin", "-_8="}, // base64url
	{"Grpc-Metadata-Seal-Bin", "AP 8="},
	{"Grpc-Metadata-Seal-Bin", "%41%50"},
	{"Grpc-Metadata-Seal-Bin", "grün"},
	{"Grpc-Metadata-Bin", "text"},
	{"Grpc-Metadata--Bin", "AP8="},
}

func oddCase(name string) string {
	odd := []byte(strings.ToLower(name))
	for i := 1; i < len(odd); i += 2 {
		odd[i] = strings.ToUpper(string(odd[i]))[0]
	}
	return string(odd)
}
