// Package durability proves that an acknowledged write is never lost and never done twice: it runs writers against the
// program, kills or stops that, starts it again on the same data, and compares what is there with the history of what was
// acknowledged.
package durability

import (
	"testing"

	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }
