package corpus_test

import (
	"flag"
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
