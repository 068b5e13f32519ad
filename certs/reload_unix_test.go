//go:build unix

package certs_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"ordermanagement/certs"
)

// What is no file, such as a pipe that nobody writes into, holds up no handshake.
func TestReloadOfAPipe(t *testing.T) {
	r := startReloading(t, certs.ClientAuthOff)
	second := r.issue(t, "second")
	write(t, r.key(), second.Key)
	must(t, os.Remove(r.cert()))
	must(t, syscall.Mkfifo(r.cert(), 0o600))
	r.clock.Advance(time.Second)
	r.serves(t, "first")
	must(t, os.Remove(r.cert()))
	write(t, r.cert(), second.Certificate)
	r.clock.Advance(time.Second)
	r.serves(t, "second")
}
