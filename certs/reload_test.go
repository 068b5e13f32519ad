package certs_test

import (
	"crypto/tls"
	"os"
	"sync"
	"testing"
	"time"

	"ordermanagement/certs"
)

// reloading is a server whose files the test changes.
type reloading struct {
	files
	clock     *clock
	log       *journal
	authority *certs.Authority
	address   string
}

func startReloading(t *testing.T, auth certs.ClientAuth) *reloading {
	t.Helper()
	r := &reloading{files: newFiles(t), clock: newClock(), log: &journal{}}
	r.authority = newAuthority(t, r.clock)
	r.writePair(t, r.issue(t, "first"))
	r.start(t, auth)
	return r
}

func (r *reloading) start(t *testing.T, auth certs.ClientAuth) {
	t.Helper()
	opts := certs.ServerOptions{CertFile: r.cert(), KeyFile: r.key(), ClientAuth: auth, MinVersion: tls.VersionTLS12,
		Now: r.clock.Now, Logger: r.log.Logger()}
	if auth != certs.ClientAuthOff {
		r.writeCA(t, r.authority)
		opts.ClientCAFile = r.ca()
	}
	config, err := certs.ServerConfig(opts)
	must(t, err)
	r.address = listen(t, config)
}

func (r *reloading) issue(t *testing.T, name string) certs.Pair {
	t.Helper()
	return issue(t, r.authority, forServer(name))
}

// serves asserts whose certificate a new connection is shown.
func (r *reloading) serves(t *testing.T, want string) {
	t.Helper()
	if got := served(t, r.address, trusting(t, r.clock, r.authority)); got != want {
		t.Errorf("serves %q, want %q", got, want)
	}
}

func TestReload(t *testing.T) {
	ways := map[string]struct {
		before, change func(*testing.T, *reloading, certs.Pair)
	}{
		"overwritten": {nil, func(t *testing.T, r *reloading, pair certs.Pair) {
			write(t, r.cert(), pair.Certificate)
			write(t, r.key(), pair.Key)
		}},
		"renamed": {nil, func(t *testing.T, r *reloading, pair certs.Pair) { must(t, pair.Replace(r.cert(), r.key())) }},
		// Times that say nothing: those of the old file.
		"overwritten, same times": {nil, func(t *testing.T, r *reloading, pair certs.Pair) {
			info, err := os.Stat(r.cert())
			must(t, err)
			write(t, r.cert(), pair.Certificate)
			write(t, r.key(), pair.Key)
			must(t, os.Chtimes(r.cert(), info.ModTime(), info.ModTime()))
			must(t, os.Chtimes(r.key(), info.ModTime(), info.ModTime()))
		}},
		// As Kubernetes mounts secrets: files are links into ..data, a link that is swapped.
		"link swapped": {
			func(t *testing.T, r *reloading, pair certs.Pair) {
				r.mount(t, "..1", pair)
				must(t, os.Symlink("..1", r.path("..data")))
				must(t, os.Symlink("..data/tls.crt", r.cert()))
				must(t, os.Symlink("..data/tls.key", r.key()))
			},
			func(t *testing.T, r *reloading, pair certs.Pair) {
				r.mount(t, "..2", pair)
				must(t, os.Symlink("..2", r.path("..data_tmp")))
				must(t, os.Rename(r.path("..data_tmp"), r.path("..data")))
				must(t, os.RemoveAll(r.path("..1")))
			}},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			r := &reloading{files: newFiles(t), clock: newClock(), log: &journal{}}
			r.authority = newAuthority(t, r.clock)
			if way.before != nil {
				way.before(t, r, r.issue(t, "first"))
			} else {
				r.writePair(t, r.issue(t, "first"))
			}
			r.start(t, certs.ClientAuthOff)
			r.serves(t, "first")
			old, err := dial(t, r.address, trusting(t, r.clock, r.authority))
			must(t, err)

			way.change(t, r, r.issue(t, "second"))
			r.clock.Advance(999 * time.Millisecond)
			r.serves(t, "first")
			r.clock.Advance(time.Millisecond)
			r.serves(t, "second")
			r.clock.Advance(time.Minute)
			r.serves(t, "second")
			if got := r.log.Lines("level=INFO", "certificate reloaded", r.cert()); got != 1 {
				t.Errorf("the log tells of %d reloads", got)
			}
			old.echo(t, "a connection lives on")
		})
	}
}

func (f files) mount(t *testing.T, name string, pair certs.Pair) {
	t.Helper()
	must(t, os.Mkdir(f.path(name), 0o700))
	must(t, pair.Write(f.path(name+"/tls.crt"), f.path(name+"/tls.key")))
}

func TestReloadKeepsWhatWorks(t *testing.T) {
	tests := map[string]struct {
		change func(*testing.T, *reloading)
		says   string
	}{
		"absent":      {func(t *testing.T, r *reloading) { must(t, os.Remove(r.cert())) }, "no such file"},
		"empty":       {func(t *testing.T, r *reloading) { write(t, r.key(), nil) }, "tls.key: no PEM data"},
		"half":        {func(t *testing.T, r *reloading) { write(t, r.cert(), read(t, r.cert())[:200]) }, "incomplete"},
		"only a half": {func(t *testing.T, r *reloading) { write(t, r.cert(), r.issue(t, "x").Certificate) }, "tls.key: not the private key of"},
		"a client's":  {func(t *testing.T, r *reloading) { r.writePair(t, issue(t, r.authority, forClient("x"))) }, "not for a TLS server"},
		"expired": {func(t *testing.T, r *reloading) {
			req := forServer("x")
			req.Validity = time.Millisecond
			r.writePair(t, issue(t, r.authority, req))
		}, "expired at"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := startReloading(t, certs.ClientAuthOff)
			test.change(t, r)
			for range 3 {
				r.clock.Advance(time.Second)
				r.serves(t, "first")
			}
			if got := r.log.Lines("level=WARN", "certificate can't be used", test.says); got != 1 {
				t.Errorf("%d warnings, want 1", got)
			}
			if got := r.log.Lines("PRIVATE"); got != 0 {
				t.Error("the log shows a key")
			}
			r.writePair(t, r.issue(t, "repaired"))
			r.clock.Advance(time.Second)
			r.serves(t, "repaired")
			if got := r.log.Lines("level=INFO", "certificate reloaded"); got != 1 {
				t.Errorf("the log tells of %d reloads, want 1", got)
			}
		})
	}
}

// Rotation in the order certificate, key, with connections in between.
func TestReloadWaitsForBothFiles(t *testing.T) {
	r := startReloading(t, certs.ClientAuthOff)
	second := r.issue(t, "second")
	write(t, r.cert(), second.Certificate)
	r.clock.Advance(time.Second)
	r.serves(t, "first")
	write(t, r.key(), second.Key)
	r.clock.Advance(time.Second)
	r.serves(t, "second")
}

func TestReloadTakesACertificateOnceItIsValid(t *testing.T) {
	r := startReloading(t, certs.ClientAuthOff)
	r.clock.Advance(time.Hour)
	r.writePair(t, r.issue(t, "of tomorrow"))
	r.clock.Advance(-30 * time.Minute)
	r.serves(t, "first")
	r.clock.Advance(time.Second)
	r.serves(t, "first")
	r.clock.Advance(30 * time.Minute)
	r.serves(t, "of tomorrow")
	if got := r.log.Lines("level=WARN", "not valid before"); got != 1 {
		t.Errorf("%d warnings, want 1", got)
	}
}

// Checks don't wait until the time is reached again at which the last one was.
func TestReloadAfterTheClockWasSetBack(t *testing.T) {
	r := startReloading(t, certs.ClientAuthOff)
	r.clock.Advance(-time.Minute)
	r.writePair(t, r.issue(t, "second"))
	r.serves(t, "second")
}

func TestReloadOfClientCAs(t *testing.T) {
	r := startReloading(t, certs.ClientAuthRequired)
	next := newAuthority(t, r.clock)
	old := trusting(t, r.clock, r.authority, issue(t, r.authority, forClient("old")))
	renewed := trusting(t, r.clock, r.authority, issue(t, next, forClient("renewed")))
	check := func(when string, client *tls.Config, want string) {
		t.Helper()
		c, err := dial(t, r.address, client)
		if (err == nil) != (want != "") || err == nil && c.greeting != want+" resumed=false" {
			t.Errorf("%s: want %q, got %v", when, want, err)
		}
	}
	check("one CA", old, "old")
	check("one CA", renewed, "")
	open, err := dial(t, r.address, old)
	must(t, err)

	r.writeCA(t, r.authority, next)
	r.clock.Advance(time.Second)
	check("both CAs", old, "old")
	check("both CAs", renewed, "renewed")

	write(t, r.ca(), append(read(t, r.ca()), "-----BEGIN CERTIFICATE-----\n"...))
	r.clock.Advance(time.Second)
	check("broken bundle", old, "old")
	if got := r.log.Lines("level=WARN", "CA bundle can't be used", r.ca()); got != 1 {
		t.Errorf("%d warnings, want 1", got)
	}

	r.writeCA(t, next)
	r.clock.Advance(time.Second)
	check("other CA", old, "")
	check("other CA", renewed, "renewed")
	open.echo(t, "a connection lives on")
}

// A session is as good as the authority behind its client's certificate, and outlives a reload that keeps it.
func TestResumption(t *testing.T) {
	for _, auth := range []certs.ClientAuth{certs.ClientAuthOptional, certs.ClientAuthRequired} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(string(auth)+" "+tls.VersionName(version), func(t *testing.T) {
				r := startReloading(t, auth)
				next := newAuthority(t, r.clock)
				req := forClient("caller")
				req.Validity = time.Hour
				session := func(authority *certs.Authority) *tls.Config {
					client := trusting(t, r.clock, r.authority, issue(t, authority, req))
					client.MaxVersion, client.ClientSessionCache = version, tls.NewLRUClientSessionCache(8)
					return client
				}
				check := func(when string, client *tls.Config, want string) {
					t.Helper()
					switch c, err := dial(t, r.address, client); {
					case (err == nil) != (want != ""):
						t.Fatalf("%s: want %q, got %v", when, want, err)
					case err == nil && c.greeting != want:
						t.Errorf("%s: the server says %q, want %q", when, c.greeting, want)
					}
				}
				old := session(r.authority)
				check("first", old, "caller resumed=false")
				check("again", old, "caller resumed=true")

				r.writePair(t, r.issue(t, "second"))
				r.writeCA(t, next, r.authority)
				r.clock.Advance(time.Second)
				check("after a reload that keeps the CA", old, "caller resumed=true")

				r.writeCA(t, next)
				r.clock.Advance(time.Second)
				check("after the CA has gone", old, "")
				check("and once more", old, "")

				renewed := session(next)
				check("under the new CA", renewed, "caller resumed=false")
				check("under the new CA again", renewed, "caller resumed=true")
				r.clock.Advance(time.Hour)
				check("after the certificate has expired", renewed, "")
			})
		}
	}
}

// Handshakes from all sides while the files change: each is served, with a pair that fits.
func TestReloadUnderLoad(t *testing.T) {
	r := startReloading(t, certs.ClientAuthOptional)
	client := trusting(t, r.clock, r.authority, issue(t, r.authority, forClient("caller")))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 20 {
				conn, err := tls.Dial("tcp", r.address, client)
				if err != nil {
					t.Error(err)
					return
				}
				conn.Close()
			}
		})
	}
	pairs := []certs.Pair{r.issue(t, "second"), r.issue(t, "third")}
	for i := range 20 {
		r.writePair(t, pairs[i%2])
		r.clock.Advance(time.Second)
	}
	group.Wait()
	r.clock.Advance(time.Second)
	r.serves(t, "third")
}
