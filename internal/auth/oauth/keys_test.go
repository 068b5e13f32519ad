package oauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
)

func TestKeySet(t *testing.T) {
	ed := newSigner(t, "ed", "EdDSA")
	public := strings.TrimSuffix(text(ed.jwk()), "}")
	t.Setenv("GODEBUG", "rsa1024min=0") // such a key can only be made on purpose
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	for name, test := range map[string]struct {
		keys   string // what is between the brackets
		usable int
		unused string // what is said of one that isn't
	}{
		"none":                   {``, 0, ""},
		"one":                    {text(ed.jwk()), 1, ""},
		"for both ends":          {text(ed.jwk()) + "," + strings.Replace(text(ed.jwk()), `"use":"sig"`, `"key_ops":["sign","verify"]`, 1), 2, ""},
		"no use":                 {strings.Replace(text(ed.jwk()), `"use":"sig",`, "", 1), 1, ""},
		"for encryption":         {strings.Replace(text(ed.jwk()), `"sig"`, `"enc"`, 1), 0, ""},
		"for encryption, by ops": {public + `,"key_ops":["deriveKey"]}`, 0, ""},
		"for nothing":            {public + `,"key_ops":[]}`, 0, ""},
		"RSA, too short":         {text(jose.JSONWebKey{Key: short.Public(), KeyID: "short"}), 0, "1024 bits"},
		"RSA, too short, beside": {text(jose.JSONWebKey{Key: short.Public()}) + "," + text(ed.jwk()), 1, "1024 bits"},
		"private":                {text(jose.JSONWebKey{Key: ed.private, KeyID: "ed"}), 0, "not a public key"},
		"symmetric":              {`{"kty":"oct","kid":"ed","k":"c2VjcmV0"}`, 0, "not a public key"},
		"unknown type":           {`{"kty":"XYZ"},` + text(ed.jwk()), 1, "unsupported"},
		"unknown curve":          {`{"kty":"EC","crv":"P-1","x":"AA","y":"AA"}`, 0, "P-1"},
		"not on the curve":       {`{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`, 0, "curve"},
		"no object":              {`7,null,"x",` + text(ed.jwk()), 1, "keys[0]"},
		"use that is no string":  {strings.Replace(text(ed.jwk()), `"sig"`, `7`, 1), 0, "not a JWK"},
	} {
		t.Run(name, func(t *testing.T) {
			keys := parse(t, `{"keys":[`+test.keys+`],"more":1}`)
			if unused := strings.Join(keys.Unused(), "\n"); keys.Len() != test.usable || !strings.Contains(unused, test.unused) || (unused == "") != (test.unused == "") {
				t.Errorf("%d keys, unused %q", keys.Len(), unused)
			}
		})
	}
	for name, document := range map[string]string{
		"empty":          ``,
		"not JSON":       `<html>`,
		"null":           `null`,
		"a list":         `[]`,
		"no keys":        `{}`,
		"keys null":      `{"keys":null}`,
		"keys an object": `{"keys":{}}`,
		"keys twice":     `{"keys":[],"keys":[]}`,
		"a member twice": `{"keys":[` + public + `,"use":"sig"}]}`,
		"in capitals":    `{"KEYS":[]}`,
		"more after it":  `{"keys":[]}{}`,
		"too many":       `{"keys":[` + strings.Repeat("0,", oauth.MaxKeys) + `0]}`,
		"deep":           strings.Repeat(`{"keys":[`, 100_000),
	} {
		t.Run(name, func(t *testing.T) {
			if keys, err := oauth.ParseKeySet([]byte(document)); err == nil {
				t.Errorf("%d keys", keys.Len())
			}
		})
	}
}

func TestKeyOfAnotherUseVerifiesNothing(t *testing.T) {
	key := newSigner(t, "k", "EdDSA")
	jwt := verifier(t, oauth.StaticKeys(parse(t, strings.Replace(set(key), `"sig"`, `"enc"`, 1))), nil)
	if got := cause(t, jwt, key.sign(t, key.header(), claims(time.Now(), nil))); got != auth.UnknownKey {
		t.Errorf("got %s", got)
	}
}

func TestFileKeys(t *testing.T) {
	old, young := newSigner(t, "old", "RS256"), newSigner(t, "young", "EdDSA")
	ofOld, ofYoung := old.sign(t, old.header(), claims(time.Now(), nil)), young.sign(t, young.header(), claims(time.Now(), nil))
	file, clock, journal := filepath.Join(t.TempDir(), "jwks.json"), &clock{}, &journal{}
	write := func(document string) {
		t.Helper()
		must(t, os.WriteFile(file, []byte(document), 0o600))
		clock.Advance(2 * time.Second)
	}
	for _, bad := range []string{"", "{}", `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AA"}]}`} {
		write(bad)
		if _, err := oauth.FileKeys(file, clock.Now, nil); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	write(set(old))
	keys, err := oauth.FileKeys(file, clock.Now, journal.Logger())
	must(t, err)
	jwt := verifier(t, keys, nil)
	taken(t, jwt, ofOld)
	if got := cause(t, jwt, ofYoung); got != auth.UnknownKey {
		t.Errorf("not there yet: %s", got)
	}
	write(strings.Replace(set(old, young), `{"keys":[`, `{"keys":[{"kty":"oct","k":"AA"},`, 1))
	taken(t, jwt, ofOld)
	taken(t, jwt, ofYoung)
	if journal.Lines("can't be used") != 1 {
		t.Error("a key that can't be used is not in the log, or too often")
	}
	write("garbage")
	taken(t, jwt, ofYoung)
	write(set(young))
	if got := cause(t, jwt, ofOld); got != auth.UnknownKey {
		t.Errorf("withdrawn: %s", got)
	}
	taken(t, jwt, ofYoung)
	write(set())
	if got := cause(t, jwt, ofYoung); got != auth.UnknownKey {
		t.Errorf("all withdrawn: %s", got)
	}
}

func FuzzKeySet(f *testing.F) {
	f.Add(set(newSigner(f, "rs", "RS256"), newSigner(f, "es", "ES256"), newSigner(f, "ed", "EdDSA")))
	f.Add(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AA","e":"AQ"},{"kty":"EC","crv":"P-256"},{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`)
	f.Fuzz(func(t *testing.T, document string) {
		keys, err := oauth.ParseKeySet([]byte(document))
		if err != nil {
			return
		}
		if keys.Len()+len(keys.Unused()) > oauth.MaxKeys {
			t.Errorf("%d keys", keys.Len())
		}
		jwt := verifier(t, oauth.StaticKeys(keys), nil)
		for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
			header := fmt.Sprintf(`{"alg":%q}`, algorithm)
			forged := signer{"", "EdDSA", forger(t)}.sign(t, header, claims(time.Now(), nil))
			if caller, err := jwt.VerifyToken(t.Context(), forged, auth.Origin{}); err == nil {
				t.Errorf("a forged token makes %+v", caller)
			}
		}
	})
}
