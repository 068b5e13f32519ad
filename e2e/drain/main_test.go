// Package drain proves that a server which is asked to stop under load loses no call: callers that are told leave it in
// time, and whoever stays is answered.
package drain

import (
	"testing"

	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }
