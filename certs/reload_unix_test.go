//go:build unix

package certs_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"ordermanagement/certs"
)

// A disk that hangs holds up one handshake: the others neither wait for it nor read on their own. The file is a pipe
// here, which hangs until it is written to.
func TestReloadHoldsUpOneHandshake(t *testing.T) {
	r := startReloading(t, certs.ClientAuthOff)
	second := r.issue(t, "second")
	write(t, r.key(), second.Key)
	must(t, os.Remove(r.cert()))
	must(t, syscall.Mkfifo(r.cert(), 0o600))
	r.clock.Advance(time.Second)

	const callers = 3
	client := trusting(t, r.clock, r.authority)
	names := make(chan string, callers)
	for range callers {
		go func() {
			c, err := dial(t, r.address, client)
			if err != nil {
				names <- err.Error()
				return
			}
			names <- c.ConnectionState().PeerCertificates[0].Subject.CommonName
		}()
	}
	for range callers - 1 {
		if got := <-names; got != "first" {
			t.Errorf("a handshake beside the hanging one got %q", got)
		}
	}
	select {
	case got := <-names:
		t.Errorf("nobody read the file: %q", got)
		return
	default:
	}
	must(t, os.WriteFile(r.cert(), second.Certificate, 0o600))
	if got := <-names; got != "second" {
		t.Errorf("the handshake that read the file got %q", got)
	}
}
