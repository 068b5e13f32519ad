package documents_test

import (
	"testing"

	"ordermanagement/e2e/documents"
	"ordermanagement/e2e/process"
	"ordermanagement/openapi"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }

// TestExamples calls every operation with the example that its document has for it, on a fresh service with the sample data.
func TestExamples(t *testing.T) {
	all, err := documents.Load(openapi.Documents, documents.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	service := program.Start(t, process.Config{Args: []string{"--sample-data"}})
	if err := all.Tell(t.Context(), service.Client(t), service.URL("")); err != nil {
		t.Error(err)
	}
	if err := all.CheckExamples(); err != nil {
		t.Error(err)
	}
}
