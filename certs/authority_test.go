package certs_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"ordermanagement/certs"
)

func parse(t *testing.T, pair certs.Pair) *x509.Certificate {
	t.Helper()
	loaded, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	must(t, err)
	return loaded.Leaf
}

func TestAuthority(t *testing.T) {
	for _, algorithm := range []certs.Algorithm{"", certs.ECDSAP256, certs.RSA3072} {
		t.Run(string(algorithm), func(t *testing.T) {
			now := time.Now()
			authority, err := certs.NewAuthority(certs.AuthorityOptions{
				Name: "A house", Algorithm: algorithm, Validity: 48 * time.Hour, Now: func() time.Time { return now },
			})
			must(t, err)
			ca := parse(t, pairOf(t, authority))
			switch key := ca.PublicKey.(type) {
			case *ecdsa.PublicKey:
				if algorithm == certs.RSA3072 || key.Params().BitSize != 256 {
					t.Errorf("key of %d bits for %q", key.Params().BitSize, algorithm)
				}
			case *rsa.PublicKey:
				if algorithm != certs.RSA3072 || key.N.BitLen() != 3072 {
					t.Errorf("key of %d bits for %q", key.N.BitLen(), algorithm)
				}
			}
			if ca.Subject.CommonName != "A house" || !ca.IsCA || ca.MaxPathLen != 0 || !ca.MaxPathLenZero {
				t.Errorf("subject %s, CA %t, path length %d", ca.Subject, ca.IsCA, ca.MaxPathLen)
			}
			if want := x509.KeyUsageCertSign | x509.KeyUsageCRLSign; ca.KeyUsage != want {
				t.Errorf("key usage %b, want %b", ca.KeyUsage, want)
			}
			if ca.NotBefore.After(now.Add(-5*time.Minute)) || !ca.NotAfter.Equal(now.Add(48*time.Hour).Truncate(time.Second)) {
				t.Errorf("valid from %s to %s", ca.NotBefore, ca.NotAfter)
			}
			if len(ca.SubjectKeyId) != 20 || ca.SerialNumber.Sign() != 1 {
				t.Errorf("key id %x, serial %x", ca.SubjectKeyId, ca.SerialNumber)
			}
			must(t, ca.CheckSignatureFrom(ca))
		})
	}
}

func TestIssue(t *testing.T) {
	uri := &url.URL{Scheme: "spiffe", Host: "test", Path: "/caller"}
	server, client := x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth
	tests := map[string]struct {
		req    certs.LeafRequest
		usages []x509.ExtKeyUsage
	}{
		"server": {certs.LeafRequest{CommonName: "s", Server: true, DNSNames: []string{"a.test", "*.b.test"},
			IPs: []net.IP{net.IPv6loopback}}, []x509.ExtKeyUsage{server}},
		"client":             {certs.LeafRequest{CommonName: "c", Client: true}, []x509.ExtKeyUsage{client}},
		"client by URI":      {certs.LeafRequest{URIs: []*url.URL{uri}, Client: true}, []x509.ExtKeyUsage{client}},
		"both":               {certs.LeafRequest{DNSNames: []string{"a.test"}, Server: true, Client: true}, []x509.ExtKeyUsage{server, client}},
		"RSA":                {certs.LeafRequest{CommonName: "r", Client: true, Algorithm: certs.RSA3072}, []x509.ExtKeyUsage{client}},
		"short":              {certs.LeafRequest{CommonName: "h", Client: true, Validity: time.Hour}, []x509.ExtKeyUsage{client}},
		"longer than its CA": {certs.LeafRequest{CommonName: "l", Client: true, Validity: 100 * 365 * 24 * time.Hour}, []x509.ExtKeyUsage{client}},
	}
	clock := newClock()
	authority := newAuthority(t, clock)
	ca := authority.Certificate()
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	serials := map[string]bool{}
	skewed := clock.Now().Add(-5 * time.Minute) // good for peers whose clocks are that much behind
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			leaf := parse(t, issue(t, authority, test.req))
			for _, usage := range []x509.ExtKeyUsage{server, client} {
				_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: clock.Now(), KeyUsages: []x509.ExtKeyUsage{usage}})
				asked := usage == test.usages[0] || usage == test.usages[len(test.usages)-1]
				if (err == nil) != asked {
					t.Errorf("usage %d: asked for %t, verified: %v", usage, asked, err)
				}
			}
			for _, host := range test.req.DNSNames {
				must(t, leaf.VerifyHostname(strings.Replace(host, "*", "x", 1)))
			}
			for _, ip := range test.req.IPs {
				must(t, leaf.VerifyHostname(ip.String()))
			}
			for i, uri := range test.req.URIs {
				if leaf.URIs[i].String() != uri.String() {
					t.Errorf("URI %s, want %s", leaf.URIs[i], uri)
				}
			}
			if leaf.Subject.CommonName != test.req.CommonName || leaf.IsCA || !leaf.BasicConstraintsValid ||
				leaf.KeyUsage != x509.KeyUsageDigitalSignature {
				t.Errorf("subject %s, CA %t, key usage %b", leaf.Subject, leaf.IsCA, leaf.KeyUsage)
			}
			if !bytes.Equal(leaf.AuthorityKeyId, ca.SubjectKeyId) || len(leaf.SubjectKeyId) != 20 {
				t.Errorf("authority key id %x, key id %x", leaf.AuthorityKeyId, leaf.SubjectKeyId)
			}
			if leaf.NotAfter.After(ca.NotAfter) || leaf.NotBefore.Before(ca.NotBefore) || leaf.NotBefore.After(skewed) {
				t.Errorf("valid from %s to %s, the authority from %s to %s", leaf.NotBefore, leaf.NotAfter, ca.NotBefore, ca.NotAfter)
			}
			if test.req.Validity == time.Hour && leaf.NotAfter.After(clock.Now().Add(time.Hour)) {
				t.Errorf("ends at %s", leaf.NotAfter)
			}
			if serials[leaf.SerialNumber.String()] || leaf.SerialNumber.BitLen() < 64 {
				t.Errorf("serial %x", leaf.SerialNumber)
			}
			serials[leaf.SerialNumber.String()] = true
		})
	}
}

func TestIssueRefuses(t *testing.T) {
	tests := map[string]struct {
		req  certs.LeafRequest
		says string
	}{
		"no purpose":          {certs.LeafRequest{CommonName: "x"}, "for a server, for a client"},
		"server without host": {certs.LeafRequest{CommonName: "x", Server: true}, "DNS name or an IP"},
		"nobody":              {certs.LeafRequest{Client: true}, "needs a common name"},
		"long name":           {certs.LeafRequest{CommonName: strings.Repeat("x", 65), Client: true}, "64 characters"},
		"DNS name with space": {certs.LeafRequest{DNSNames: []string{"a b"}, Server: true}, `"a b" is not a DNS name`},
		"empty DNS name":      {certs.LeafRequest{DNSNames: []string{""}, Server: true}, `"" is not a DNS name`},
		"address as DNS name": {certs.LeafRequest{DNSNames: []string{"127.0.0.1"}, Server: true}, "is not a DNS name"},
		"port in DNS name":    {certs.LeafRequest{DNSNames: []string{"localhost:1"}, Server: true}, "is not a DNS name"},
		"bad address":         {certs.LeafRequest{IPs: []net.IP{{1, 2}}, Server: true}, "is not an IP address"},
		"relative URI":        {certs.LeafRequest{URIs: []*url.URL{{Path: "x"}}, Client: true}, "not absolute"},
		"negative validity":   {certs.LeafRequest{CommonName: "x", Client: true, Validity: -1}, "negative"},
		"unknown algorithm":   {certs.LeafRequest{CommonName: "x", Client: true, Algorithm: "dsa"}, "ecdsa-p256 or rsa-3072"},
	}
	authority := newAuthority(t, newClock())
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := authority.Issue(test.req)
			refused(t, err, test.says)
		})
	}
}

func TestIssueOutsideTheAuthoritysLife(t *testing.T) {
	clock := newClock()
	authority := newAuthority(t, clock)
	clock.Advance(-time.Hour)
	_, err := authority.Issue(forClient("x"))
	refused(t, err, "not valid before", "clock")
	clock.Advance(certs.DefaultAuthorityValidity + 2*time.Hour)
	_, err = authority.Issue(forClient("x"))
	refused(t, err, "expired at")
}

func TestPairFiles(t *testing.T) {
	f, authority := newFiles(t), newAuthority(t, newClock())
	first, second := issue(t, authority, forClient("first")), issue(t, authority, forClient("second"))
	must(t, first.Write(f.cert(), f.key()))
	for name, want := range map[string]fs.FileMode{f.cert(): 0o644, f.key(): 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %s, %v", name, info.Mode(), err)
		}
	}
	if block, rest := pem.Decode(read(t, f.key())); block == nil || block.Type != "PRIVATE KEY" || len(rest) != 0 {
		t.Errorf("the key is not one PKCS#8 block")
	} else if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		t.Error(err)
	}

	if err := second.Write(f.cert(), f.path("other.key")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a certificate was overwritten: %v", err)
	}
	if err := second.Write(f.path("other.crt"), f.key()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a key was overwritten: %v", err)
	}
	if !bytes.Equal(read(t, f.cert()), first.Certificate) || !bytes.Equal(read(t, f.key()), first.Key) {
		t.Error("the refused write changed a file")
	}
	must(t, second.Replace(f.cert(), f.key()))
	if !bytes.Equal(read(t, f.cert()), second.Certificate) || !bytes.Equal(read(t, f.key()), second.Key) {
		t.Error("Replace didn't replace")
	}
	if info, err := os.Stat(f.key()); err != nil || info.Mode() != 0o600 {
		t.Errorf("the replaced key has mode %s, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(f.dir); err != nil || len(entries) != 2 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}

func TestLoadAuthority(t *testing.T) {
	clock := newClock()
	f, authority := newFiles(t), newAuthority(t, clock)
	f.writePair(t, pairOf(t, authority))
	loaded, err := certs.LoadAuthority(f.cert(), f.key(), clock.Now)
	must(t, err)
	must(t, parse(t, issue(t, loaded, forClient("x"))).CheckSignatureFrom(authority.Certificate()))

	other := pairOf(t, newAuthority(t, clock))
	leaf := issue(t, authority, forClient("x"))
	tests := map[string]struct {
		cert, key []byte
		says      string
	}{
		"a leaf":        {leaf.Certificate, leaf.Key, "tls.crt: not the certificate of an authority"},
		"another's key": {other.Certificate, leaf.Key, "tls.key: not the private key of"},
		"empty":         {nil, other.Key, "tls.crt: no PEM data"},
		"empty key":     {other.Certificate, nil, "tls.key: no PEM data"},
		"cut short":     {other.Certificate[:len(other.Certificate)/2], other.Key, "tls.crt: a PEM block is damaged"},
		"key cut short": {other.Certificate, other.Key[:len(other.Key)/2], "tls.key: a PEM block is damaged"},
		"only a key":    {other.Key, other.Key, "tls.crt: no certificate"},
		"no DER":        {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), other.Key, "tls.crt: PEM block 1"},
		"huge":          {make([]byte, 1<<20+1), other.Key, "tls.crt: larger than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f.writePair(t, certs.Pair{Certificate: test.cert, Key: test.key})
			_, err := certs.LoadAuthority(f.cert(), f.key(), clock.Now)
			refused(t, err, test.says)
		})
	}
	_, err = certs.LoadAuthority(f.path("absent.crt"), f.key(), clock.Now)
	refused(t, err, "absent.crt")
}

func FuzzLoadAuthority(f *testing.F) {
	authority, err := certs.NewAuthority(certs.AuthorityOptions{})
	if err != nil {
		f.Fatal(err)
	}
	pair, err := authority.Pair()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pair.Certificate, pair.Key)
	f.Add(append(pair.Certificate, pair.Key...), []byte("-----BEGIN X-----"))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		files := newFiles(t)
		write(t, files.cert(), cert)
		write(t, files.key(), key)
		loaded, err := certs.LoadAuthority(files.cert(), files.key(), nil)
		if err == nil && !loaded.Certificate().IsCA {
			t.Error("loaded something that is no authority")
		}
		_, err = certs.ClientConfig(certs.ClientOptions{CAFile: files.cert()})
		if block, _ := pem.Decode(cert); err == nil && (block == nil || block.Type != "CERTIFICATE") {
			t.Errorf("trusted something that is no certificate: %q", cert)
		}
	})
}
