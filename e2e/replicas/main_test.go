// Package replicas proves that several servers over one PostgreSQL are one service: callers that reach them straight and
// through gateways see the same, and when a server, or PostgreSQL, goes away under load, nothing that was acknowledged is
// lost, nothing is done twice, and everybody goes on without help.
package replicas

import (
	"testing"

	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }
