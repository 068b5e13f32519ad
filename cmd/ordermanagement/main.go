// Command ordermanagement runs the order-management service: its gRPC server, its HTTP gateway, or both in one process.
package main

import (
	"log/slog"
	"os"
)

func main() {
	// For libraries that can't be given a log: what they warn of is shown, what they tell of their own doing is not.
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
