package devissuer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/devissuer"
)

func rsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemOf(t testing.TB, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// The files are made once, for their owner only.
func TestEnsureFiles(t *testing.T) {
	dir := t.TempDir()
	key, client, err := devissuer.EnsureFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	if client.ID != "dev-client" || len(client.Secret) < 40 {
		t.Errorf("the client is %q with a secret of %d", client.ID, len(client.Secret))
	}
	contents := map[string]string{}
	for _, name := range []string{devissuer.KeyFile, devissuer.ClientFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", name, info.Mode())
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		contents[name] = string(data)
	}
	if contents["client"] != client.ID+":"+client.Secret+"\n" {
		t.Errorf("the client's file is %q", contents["client"])
	}
	again, same, err := devissuer.EnsureFiles(dir)
	if err != nil || same != client || !key.Public().(*ecdsa.PublicKey).Equal(again.Public()) {
		t.Errorf("the second time: %v, %v", same, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("the directory has %v, %v", entries, err)
	}
}

// What is wrong with a file is said with its name, without what stands in it, and the file stays.
func TestWrongFiles(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384DER, err := x509.MarshalECPrivateKey(p384)
	for _, c := range []struct{ name, file, content string }{
		{"empty", "issuer.key", ""},
		{"garbage", "issuer.key", "secret-thing"},
		{"not a key", "issuer.key", pemOf(t, "PRIVATE KEY", []byte("secret-thing"), nil)},
		{"a small key", "issuer.key", pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small), nil)},
		{"another curve", "issuer.key", pemOf(t, "EC PRIVATE KEY", p384DER, err)},
		{"empty", "client", ""},
		{"no colon", "client", "secret-thing-secret-thing"},
		{"no id", "client", ":secret-thing-secret-thing"},
		{"no secret", "client", "id:"},
		{"a short secret", "client", "id:secret-thing"},
		{"two lines", "client", "id:secret-thing-secret-thing\nid:secret-thing-secret-thing"},
		{"a colon more", "client", "id:secret-thing:secret-thing"},
		{"a space", "client", "id:secret-thing secret-thing"},
		{"a percent", "client", "id:secret-thing%41secret-thing"},
	} {
		t.Run(c.file+"/"+c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.file)
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := devissuer.EnsureFiles(dir)
			if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "secret-thing") {
				t.Errorf("the error is %v", err)
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != c.content {
				t.Errorf("the file is now %q, %v", data, err)
			}
		})
	}
	if _, _, err := devissuer.EnsureFiles(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("there is no directory, and no error")
	}
}

func TestKeyForms(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := rsaKey(t).(*rsa.PrivateKey)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	for name, text := range map[string]string{
		"PKCS #8": pemOf(t, "PRIVATE KEY", pkcs8, err),
		"SEC 1":   pemOf(t, "EC PRIVATE KEY", sec1, nil),
		"PKCS #1": pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil),
	} {
		if _, err := devissuer.ParseKey([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := devissuer.ParseKey([]byte(text + text)); err == nil {
			t.Errorf("%s: two keys, and no error", name)
		}
	}
}

func FuzzParseClient(f *testing.F) {
	for _, line := range []string{"dev-client:0123456789abcdef\n", "a:b", ":", "\x00:\x00", "id:0123456789abcdef:x", ""} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		client, err := devissuer.ParseClient(data)
		if err == nil && strings.TrimSpace(string(data)) != client.ID+":"+client.Secret {
			t.Errorf("%q is read as %+v", data, client)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := devissuer.ParseKey(data); err == nil && key == nil {
			t.Error("neither a key nor an error")
		}
	})
}
