// Command ordermanagement runs the order-management service: its gRPC server, its HTTP gateway, or both in one process.
package main

import (
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
