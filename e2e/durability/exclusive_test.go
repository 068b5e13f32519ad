package durability

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"ordermanagement/e2e/process"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

// A data directory is one process's. A second one says so in one line, and the first goes on.
func TestSecondProcessOnTheSameData(t *testing.T) {
	service := program.Start(t, process.Config{})
	c := connect(t, service)
	order := &v2.Order{CurrencyCode: "EUR", Description: "before"}
	before, _, err := c.create(t.Context(), overGRPC, uuid.NewString(), order)
	if err != nil {
		t.Fatal(err)
	}

	code, output := program.Run(t, "serve", "--data-dir="+service.DataDir, "--grpc-listen=127.0.0.1:0",
		"--http-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0")
	if code == 0 || strings.Count(output, "\n") != 1 || !strings.Contains(output, service.DataDir) {
		t.Errorf("the second process exits with %d and says\n%s; want one line that names %s", code, output, service.DataDir)
	}

	after, _, err := c.create(t.Context(), overREST, uuid.NewString(), order)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := c.list(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) != 2 || !proto.Equal(stored[0], before) || !proto.Equal(stored[1], after) {
		t.Errorf("stored\n%v, want\n%v\n%v", stored, before, after)
	}
}
