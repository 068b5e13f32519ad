// Package legacy proves that clients of 2019 work unmodified: it runs one, built with the gRPC and the code generator
// of that year (client2019, a module of its own), against the program.
package legacy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }

// A record is what the client saw of one of its steps; see client2019/record.go.
type record struct {
	Step            string
	Answers         []json.RawMessage
	Header, Trailer map[string][]string
	Code, Message   string
	Violations      []struct{ Field, Description string }
	Traffic         struct{ Calls, Sent, Received, Bytes, WireBytes, Connections int }
}

// client builds the client of 2019.
func client(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "client2019")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", "client2019", "-mod=readonly", "-o", file, ".")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the client: %v\n%s", err, output)
	}
	return file
}

// run runs the client, whole or only some of its steps, and answers its records by their steps.
func run(t *testing.T, file string, args ...string) map[string]record {
	t.Helper()
	var output, complaints bytes.Buffer
	command := exec.CommandContext(t.Context(), file, args...)
	command.Stdout, command.Stderr = &output, &complaints
	if err := command.Run(); err != nil {
		t.Fatalf("the client: %v\n%s%s", err, &output, &complaints)
	}
	records := make(map[string]record)
	for lines := bufio.NewScanner(&output); lines.Scan(); {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		records[r.Step] = r
	}
	return records
}

// decode reads an answer of the client.
func decode[T any](t *testing.T, answer json.RawMessage) (value T) {
	t.Helper()
	if err := json.Unmarshal(answer, &value); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	return value
}
