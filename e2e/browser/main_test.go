// Package browser uses the service as people do, with Chromium: the pages that it shows, its streams as EventSource reads
// them, and its answers to the pages of other origins. Without Chromium it fails.
package browser

import (
	"testing"

	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }
