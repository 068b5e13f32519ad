package client_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"ordermanagement/certs"
	"ordermanagement/client"
)

// patience is how long a test waits for what should happen within a second or two.
const patience = 30 * time.Second

// eventually repeats an attempt until it says that it has seen what it waits for.
func eventually(t *testing.T, attempt func() (seen bool, state string)) {
	t.Helper()
	var state string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var seen bool
		if seen, state = attempt(); seen {
			return
		}
	}
	t.Fatalf("not within %v: %s", patience, state)
}

// A token file is followed, also the way Kubernetes changes it: the name is a link through a directory that is swapped.
func TestTokenFileIsFollowed(t *testing.T) {
	g, dir := secureGreeter(t, ""), t.TempDir()
	swap := func(directory, token string) {
		must(t, os.Mkdir(filepath.Join(dir, directory), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, directory, "token"), []byte(token), 0o600))
		must(t, os.Symlink(directory, filepath.Join(dir, "new")))
		must(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "..data")))
	}
	swap("..1", "first\n")
	file := filepath.Join(dir, "token")
	must(t, os.Symlink(filepath.Join("..data", "token"), file))

	var log bytes.Buffer // written by calls, which are one after the other
	credentials := client.TokenFile(file, slog.New(slog.NewTextHandler(&log, nil)))
	connection := dial(t, g, g.trusted(), credentials)
	shows := func(token string) func() (bool, string) {
		return func() (bool, string) {
			got, err := hello(t.Context(), connection)
			must(t, err)
			return got == "Bearer "+token, got
		}
	}
	if first, got := shows("first")(); !first {
		t.Errorf("got %q", got)
	}
	swap("..2", "second\n")
	eventually(t, shows("second"))

	swap("..3", "not a token\n")
	eventually(t, func() (bool, string) {
		if _, got := shows("second")(); got != "Bearer second" {
			t.Fatalf("got %q", got)
		}
		return strings.Contains(log.String(), file) && strings.Contains(log.String(), "can't be used"), log.String()
	})
	if strings.Contains(log.String(), "not a token") || strings.Contains(log.String(), "second") {
		t.Errorf("the log holds a token: %s", &log)
	}
	swap("..4", "fourth\n")
	eventually(t, shows("fourth"))
	if connections := g.cut(); connections != 1 {
		t.Errorf("%d connections", connections)
	}
}

// One grpc.ClientConn shows a new certificate, and trusts a new authority, when it connects again.
func TestCertificatesAreFollowed(t *testing.T) {
	g := secureGreeter(t, certs.ClientAuthRequired)
	server := func(name string) string { return filepath.Join(g.dir, name) }
	own := t.TempDir()
	cert, key, ca := filepath.Join(own, "own.crt"), filepath.Join(own, "own.key"), filepath.Join(own, "ca.crt")

	authority, err := certs.LoadAuthority(server("ca.crt"), server("ca.key"), nil)
	must(t, err)
	issue := func(name string) certs.Pair {
		pair, err := authority.Issue(certs.LeafRequest{CommonName: name, Client: true})
		must(t, err)
		return pair
	}
	trust := func() {
		pair, err := authority.Pair()
		must(t, err)
		must(t, os.WriteFile(ca, pair.Certificate, 0o600))
	}
	must(t, issue("first").Write(cert, key))
	trust()
	connection := dial(t, g, client.TLSFiles(certs.ClientOptions{CAFile: ca, CertFile: cert, KeyFile: key}))
	isKnownAs := func(name string) func() (bool, string) {
		return func() (bool, string) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, err := greet(ctx, connection, "certificate", grpc.WaitForReady(true))
			if err != nil {
				return false, err.Error()
			}
			if got != name {
				g.cut()
			}
			return got == name, got
		}
	}
	if known, got := isKnownAs("first")(); !known {
		t.Errorf("known as %s", got)
	}
	must(t, issue("second").Replace(cert, key))
	eventually(t, isKnownAs("second"))

	authority, err = certs.NewAuthority(certs.AuthorityOptions{})
	must(t, err)
	renewed, err := authority.Issue(certs.LeafRequest{DNSNames: []string{"localhost"}, IPs: secureIPs, Server: true})
	must(t, err)
	must(t, issue("third").Replace(cert, key))
	trust()
	bundle, err := os.ReadFile(ca)
	must(t, err)
	must(t, os.WriteFile(server("ca.crt"), bundle, 0o600))
	must(t, renewed.Replace(server("server.crt"), server("server.key")))
	eventually(t, isKnownAs("third"))
}
