package corpus_test

import (
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"ordermanagement/e2e/corpus"
)

var update = flag.Bool("update", false, "write the golden files anew")

// newParity compares HTTP/2 (`serve`) and HTTP/1.1 (`gateway`) with gRPC.
func newParity() *corpus.Parity { return corpus.NewParity("server", "serve", "gateway") }

// checkParity makes sure that no metadata is lost or added between the protocols, and compares what there is with
// testdata/parity.golden, for people to read.
func checkParity(t *testing.T, parity *corpus.Parity) {
	for _, difference := range parity.Differences() {
		t.Error(difference)
	}
	const file = "testdata/parity.golden"
	got := "# The metadata of what the corpus was answered: over gRPC (server), HTTP/2 (serve) and HTTP/1.1 (gateway).\n" +
		"# Made by `go test ./e2e/corpus -run TestCorpus -update`.\n" + parity.String()
	if *update && !t.Failed() {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, now := strings.Split(string(golden), "\n"), strings.Split(got, "\n")
	if slices.Equal(before, now) {
		return
	}
	for i := range max(len(before), len(now)) {
		if i >= len(before) || i >= len(now) || before[i] != now[i] {
			t.Fatalf("%s differs from line %d on: want %q, got %q; if this is as it should be, write it anew with -update",
				file, i+1, before[min(i, len(before)-1)], now[min(i, len(now)-1)])
		}
	}
}

// TestParityComplains makes sure that a key which gets lost, added or misnamed between the protocols is found, and a method
// that the corpus doesn't call.
func TestParityComplains(t *testing.T) {
	const method = "ordermanagement.v2.OrderService/GetOrder"
	record := func(header, trailer string) []*corpus.Record {
		result := &corpus.Result{Header: http.Header{"X-Request-Id": {"1"}}, Trailer: http.Header{}}
		for name, to := range map[string]http.Header{header: result.Header, trailer: result.Trailer} {
			if name != "" {
				to.Set(name, "a")
			}
		}
		return []*corpus.Record{{Call: method, Result: result}}
	}
	for _, c := range []struct {
		name            string
		header, trailer string // over HTTP; over gRPC they are an entity tag and a time
		want            string
	}{
		{"the same", "Etag", "Grpc-Trailer-Timestamp", ""},
		{"a lost header", "", "Grpc-Trailer-Timestamp", "etag is there over server, and not over serve"},
		{"a lost trailer", "Etag", "", "trailer timestamp is there over server, and not over serve"},
		{"a misnamed header", "Grpc-Metadata-Etag", "Grpc-Trailer-Timestamp", "HTTP's Grpc-Metadata-Etag is there over serve, and not over server"},
		{"a bare header", "Timestamp", "Grpc-Trailer-Timestamp", "HTTP's Timestamp is there over serve, and not over server"},
		{"a misnamed trailer", "Etag", "Timestamp", "trailer HTTP's Timestamp"},
	} {
		parity := newParity()
		parity.Add("default", "server", record("Etag", "Grpc-Trailer-Timestamp"))
		parity.Add("default", "serve", record(c.header, c.trailer))
		var found []string
		for _, difference := range parity.Differences() {
			if strings.Contains(difference, "is there over") {
				found = append(found, difference)
			} else if !strings.Contains(difference, "the corpus has no call") {
				t.Errorf("%s: %s", c.name, difference)
			}
		}
		if all := strings.Join(found, "\n"); !strings.Contains(all, c.want) || (c.want == "") != (all == "") {
			t.Errorf("%s: want %q, got %q", c.name, c.want, all)
		}
	}
	if all := strings.Join(newParity().Differences(), "\n"); !strings.Contains(all, method) {
		t.Errorf("nobody misses %s: %s", method, all)
	}
}
