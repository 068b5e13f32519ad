package certs_test

import (
	"bytes"
	"crypto/tls"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ordermanagement/certs"
)

const day = 24 * time.Hour

// ensure makes a development directory and returns it with the contents of its files.
func ensure(t *testing.T, dir string, opts certs.DevelopmentOptions) (certs.Development, map[string]string) {
	t.Helper()
	d, err := certs.EnsureDevelopment(dir, opts)
	must(t, err)
	return d, snapshot(t, dir)
}

func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	contents := map[string]string{}
	for _, entry := range entries {
		contents[entry.Name()] = string(read(t, filepath.Join(dir, entry.Name())))
	}
	return contents
}

// changed names the files that differ.
func changed(before, after map[string]string) (names []string) {
	for name := range after {
		if before[name] != after[name] {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// connects asserts that the directory's server and gateway can talk to each other.
func connects(t *testing.T, d certs.Development, now func() time.Time) {
	t.Helper()
	server, err := certs.ServerConfig(certs.ServerOptions{CertFile: d.ServerCertFile, KeyFile: d.ServerKeyFile,
		ClientCAFile: d.CAFile, ClientAuth: certs.ClientAuthRequired, Now: now})
	must(t, err)
	address := listen(t, server)
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		client, err := certs.ClientConfig(certs.ClientOptions{CAFile: d.CAFile, CertFile: d.GatewayCertFile,
			KeyFile: d.GatewayKeyFile, ServerName: host, Now: now})
		must(t, err)
		c, err := dial(t, address, client)
		must(t, err)
		if c.greeting != "gateway resumed=false" {
			t.Errorf("the server saw %q", c.greeting)
		}
	}
}

func TestEnsureDevelopment(t *testing.T) {
	clock, dir := newClock(), filepath.Join(t.TempDir(), "new", "data")
	var log journal
	opts := certs.DevelopmentOptions{Hosts: []string{"Orders.test", "10.1.2.3", "[fe80::1]", "localhost"}, Now: clock.Now, Logger: log.Logger()}
	d, first := ensure(t, dir, opts)
	connects(t, d, clock.Now)
	if log.Lines("certificate made") != 3 {
		t.Errorf("the log tells of %d certificates", log.Lines("certificate made"))
	}

	modes := map[string]fs.FileMode{".": fs.ModeDir | 0o700, "ca.crt": 0o644, "ca.key": 0o600, "server.crt": 0o644,
		"server.key": 0o600, "gateway.crt": 0o644, "gateway.key": 0o600}
	for name, want := range modes {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %s, want %s, %v", name, info.Mode(), want, err)
		}
	}
	if len(first) != len(modes)-1 {
		t.Errorf("the files are %v", changed(nil, first))
	}
	pair, err := tls.LoadX509KeyPair(d.ServerCertFile, d.ServerKeyFile)
	must(t, err)
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "orders.test", "10.1.2.3", "fe80::1"} {
		must(t, pair.Leaf.VerifyHostname(host))
	}
	if host, err := os.Hostname(); err != nil || pair.Leaf.VerifyHostname(host) != nil {
		t.Errorf("the machine's name %q isn't in %v (%v)", host, pair.Leaf.DNSNames, err)
	}
	gateway, err := tls.LoadX509KeyPair(d.GatewayCertFile, d.GatewayKeyFile)
	must(t, err)
	if len(gateway.Leaf.URIs) != 1 || gateway.Leaf.URIs[0].String() != certs.GatewayURI || gateway.Leaf.Subject.CommonName != certs.GatewayName {
		t.Errorf("the gateway is %s, %v", gateway.Leaf.Subject, gateway.Leaf.URIs)
	}

	if _, second := ensure(t, dir, opts); len(changed(first, second)) != 0 {
		t.Errorf("the second start changed %v", changed(first, second))
	}
	opts.Hosts = []string{"more.test"}
	_, third := ensure(t, dir, opts)
	if got := changed(first, third); !slices.Equal(got, []string{"server.crt"}) {
		t.Errorf("a new host changed %v", got)
	}
	connects(t, d, clock.Now)

	opts.Hosts = []string{"not a host"}
	_, err = certs.EnsureDevelopment(dir, opts)
	refused(t, err, `"not a host"`)
}

func TestEnsureDevelopmentRenews(t *testing.T) {
	leaves := []string{"gateway.crt", "server.crt"}
	tests := map[string]struct {
		after time.Duration
		want  []string
	}{
		"fresh":    {certs.DefaultLeafValidity - 31*day, nil},
		"near end": {certs.DefaultLeafValidity - 29*day, leaves},
		"expired":  {certs.DefaultLeafValidity + day, leaves},
		// Nothing ends later than the authority, so there is nothing to gain once a leaf ends with it.
		"authority near end": {certs.DefaultAuthorityValidity - day, leaves},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			clock, dir := newClock(), t.TempDir()
			_, before := ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now})
			clock.Advance(test.after)
			d, after := ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now})
			if got := changed(before, after); !slices.Equal(got, test.want) {
				t.Errorf("changed %v, want %v", got, test.want)
			}
			connects(t, d, clock.Now)
			if _, again := ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now}); len(changed(after, again)) != 0 {
				t.Errorf("the next start changed %v", changed(after, again))
			}
		})
	}
}

func TestEnsureDevelopmentWithExpiredAuthority(t *testing.T) {
	clock, dir := newClock(), t.TempDir()
	_, before := ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now})
	clock.Advance(certs.DefaultAuthorityValidity + day)
	_, err := certs.EnsureDevelopment(dir, certs.DevelopmentOptions{Now: clock.Now})
	refused(t, err, "ca.crt", "expired", "remove")
	if got := changed(before, snapshot(t, dir)); len(got) != 0 {
		t.Errorf("changed %v", got)
	}
}

// A process can be killed after each of its writes. They come in this order, so every state it can leave is a prefix.
func TestEnsureDevelopmentGoesOnAfterACrash(t *testing.T) {
	order := []string{"ca.key", "ca.crt", "server.key", "server.crt", "gateway.key", "gateway.crt"}
	clock := newClock()
	_, whole := ensure(t, t.TempDir(), certs.DevelopmentOptions{Now: clock.Now})
	for written := range len(order) + 1 {
		dir, before := t.TempDir(), map[string]string{}
		for _, name := range order[:written] {
			before[name] = whole[name]
			write(t, filepath.Join(dir, name), []byte(whole[name]))
		}
		// What a killed process was writing is removed, what another may be writing now is not.
		old, young := filepath.Join(dir, ".server.key.123.tmp"), filepath.Join(dir, ".server.crt.456.tmp")
		foreign := filepath.Join(dir, ".notes.tmp")
		for _, name := range []string{old, young, foreign} {
			write(t, name, []byte("half"))
		}
		must(t, os.Chtimes(old, clock.Now().Add(-time.Hour), clock.Now().Add(-time.Hour)))
		must(t, os.Chtimes(foreign, clock.Now().Add(-time.Hour), clock.Now().Add(-time.Hour)))

		d, after := ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now})
		for name, content := range before {
			if after[name] != content {
				t.Errorf("after %d writes: %s was replaced", written, name)
			}
		}
		if _, ok := after[filepath.Base(old)]; ok || after[filepath.Base(young)] == "" || after[filepath.Base(foreign)] == "" {
			t.Errorf("after %d writes: the directory holds %v", written, changed(nil, after))
		}
		connects(t, d, clock.Now)
	}
}

// The certificate of an authority can be made again from its key, and what it issued stays good.
func TestEnsureDevelopmentCompletesTheAuthority(t *testing.T) {
	clock, dir := newClock(), t.TempDir()
	d, before := ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now})
	must(t, os.Remove(d.CAFile))
	_, after := ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now})
	if got := changed(before, after); !slices.Equal(got, []string{"ca.crt"}) {
		t.Errorf("changed %v", got)
	}
	connects(t, d, clock.Now)
}

func TestEnsureDevelopmentRefuses(t *testing.T) {
	clock := newClock()
	_, stranger := ensure(t, t.TempDir(), certs.DevelopmentOptions{Now: clock.Now})
	half := func(name string) []byte { return []byte(stranger[name][:len(stranger[name])/2]) }
	tests := map[string]struct {
		change map[string][]byte // nil removes
		says   []string
	}{
		"authority cut short":        {map[string][]byte{"ca.crt": half("ca.crt")}, []string{"ca.crt: a PEM block", "remove"}},
		"authority's key cut short":  {map[string][]byte{"ca.key": half("ca.key")}, []string{"ca.key: a PEM block", "remove"}},
		"authority's key empty":      {map[string][]byte{"ca.key": {}}, []string{"ca.key: no PEM", "remove"}},
		"authority's key lost":       {map[string][]byte{"ca.key": nil}, []string{"ca.key, is missing", "restore"}},
		"authority lost":             {map[string][]byte{"ca.key": nil, "ca.crt": nil}, []string{"server.crt is there", "ca.key, is missing"}},
		"only an authority's cert":   {map[string][]byte{"ca.key": nil, "server.crt": nil, "gateway.crt": nil}, []string{"ca.crt is there", "ca.key is missing"}},
		"another's authority key":    {map[string][]byte{"ca.key": []byte(stranger["ca.key"])}, []string{"ca.key: not the private key of", "remove"}},
		"another authority":          {map[string][]byte{"ca.key": []byte(stranger["ca.key"]), "ca.crt": []byte(stranger["ca.crt"])}, []string{"server.crt: not issued by", "remove"}},
		"server cut short":           {map[string][]byte{"server.crt": half("server.crt")}, []string{"server.crt: a PEM block", "remove"}},
		"server's key empty":         {map[string][]byte{"server.key": {}}, []string{"server.key: no PEM", "remove"}},
		"server's key lost":          {map[string][]byte{"server.key": nil}, []string{"server.key is missing", "remove"}},
		"another's server key":       {map[string][]byte{"server.key": []byte(stranger["server.key"])}, []string{"server.key: not the private key of", "remove"}},
		"another's gateway":          {map[string][]byte{"gateway.key": []byte(stranger["gateway.key"]), "gateway.crt": []byte(stranger["gateway.crt"])}, []string{"gateway.crt: not issued by", "remove"}},
		"damaged key without a cert": {map[string][]byte{"gateway.key": half("gateway.key"), "gateway.crt": nil}, []string{"gateway.key: a PEM block", "remove"}},
		"junk key without a cert":    {map[string][]byte{"gateway.key": []byte(stranger["ca.crt"]), "gateway.crt": nil}, []string{"gateway.key: not one PRIVATE KEY", "remove"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ensure(t, dir, certs.DevelopmentOptions{Now: clock.Now})
			for name, content := range test.change {
				if must(t, os.Remove(filepath.Join(dir, name))); content != nil {
					write(t, filepath.Join(dir, name), content)
				}
			}
			before := snapshot(t, dir)
			_, err := certs.EnsureDevelopment(dir, certs.DevelopmentOptions{Now: clock.Now})
			refused(t, err, test.says...)
			if got := changed(before, snapshot(t, dir)); len(got) != 0 {
				t.Errorf("changed %v", got)
			}
		})
	}
}

func TestEnsureDevelopmentRefusesTheWrongKindOfLeaf(t *testing.T) {
	dir := t.TempDir()
	d, _ := ensure(t, dir, certs.DevelopmentOptions{})
	for from, to := range map[string]string{d.GatewayCertFile: d.ServerCertFile, d.GatewayKeyFile: d.ServerKeyFile} {
		must(t, os.WriteFile(to, read(t, from), 0o600))
	}
	_, err := certs.EnsureDevelopment(dir, certs.DevelopmentOptions{})
	refused(t, err, "server.crt", "not for a TLS server", "remove")
}

func TestEnsureDevelopmentAtOnce(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := certs.EnsureDevelopment(dir, certs.DevelopmentOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	d, contents := ensure(t, dir, certs.DevelopmentOptions{})
	connects(t, d, time.Now)
	if len(contents) != 6 || bytes.Contains([]byte(contents["ca.crt"]), []byte("PRIVATE")) {
		t.Errorf("the directory holds %v", changed(nil, contents))
	}
}
