package main

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ordermanagement/certs"
)

// issued runs `certs` and loads what it has made.
func issued(t *testing.T, data, name string, args ...string) *x509.Certificate {
	t.Helper()
	code, stdout, stderr := runHere(t, "", append([]string{"certs"}, append(args, "--data-dir="+data)...)...)
	if code != exitOK || !strings.Contains(stdout, filepath.Join(data, name+".key")) {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(data, name+".crt"), filepath.Join(data, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := certs.LoadAuthority(filepath.Join(data, "ca.crt"), filepath.Join(data, "ca.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pair.Leaf.CheckSignatureFrom(authority.Certificate()); err != nil {
		t.Error(err)
	}
	return pair.Leaf
}

func TestCerts(t *testing.T) {
	data := t.TempDir()
	server := issued(t, data, "orders", "server", "orders", "--host=orders.example.com,192.0.2.1", "--algorithm=rsa-3072", "--validity=48h")
	if _, ok := server.PublicKey.(*rsa.PublicKey); !ok || server.VerifyHostname("orders.example.com") != nil || server.VerifyHostname("192.0.2.1") != nil ||
		!slices.Equal(server.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || time.Until(server.NotAfter) > 49*time.Hour {
		t.Errorf("the server's: %T, %v, %v, %v", server.PublicKey, server.DNSNames, server.ExtKeyUsage, server.NotAfter)
	}
	caller := issued(t, data, "batch", "client", "batch", "--uri=spiffe://example.com/batch")
	if _, ok := caller.PublicKey.(*ecdsa.PublicKey); !ok || caller.Subject.CommonName != "batch" || caller.URIs[0].String() != "spiffe://example.com/batch" ||
		!slices.Equal(caller.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) {
		t.Errorf("the caller's: %T, %v, %v, %v", caller.PublicKey, caller.Subject, caller.URIs, caller.ExtKeyUsage)
	}
	gateway := issued(t, data, "front", "gateway", "front")
	if gateway.URIs[0].String() != certs.GatewayURI {
		t.Errorf("the gateway's: %v", gateway.URIs)
	}
	if again := issued(t, data, "batch", "client", "batch", "--replace"); again.SerialNumber.Cmp(caller.SerialNumber) == 0 {
		t.Error("--replace replaces nothing")
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"there already":       {[]string{"client", "batch"}, exitFailed, "--replace"},
		"the authority":       {[]string{"client", "ca"}, exitUsage, "ca"},
		"a file that is ours": {[]string{"server", "server", "--host=x.example.com", "--replace"}, exitUsage, "certs init"},
		"a path":              {[]string{"client", "../batch"}, exitUsage, "../batch"},
		"a server of no name": {[]string{"server", "nobody"}, exitUsage, "DNS name"},
		"an unknown key":      {[]string{"client", "x", "--algorithm=md5"}, exitUsage, "rsa-3072"},
		"a negative life":     {[]string{"client", "x", "--validity=-1h"}, exitUsage, "negative"},
		"a relative URI":      {[]string{"client", "x", "--uri=x"}, exitUsage, "absolute"},
		"no URI":              {[]string{"client", "x", "--uri=:"}, exitUsage, "not a URI"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := runHere(t, "", append([]string{"certs"}, append(test.args, "--data-dir="+data)...)...)
			if code != test.code || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, %q", code, stderr)
			}
		})
	}
}
