// Package limits proves that callers of the real program are held to their limits, and are told of them alike over every
// way into the service.
package limits

import (
	"testing"

	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }
