package xfcc_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"ordermanagement/internal/xfcc"
)

func certificate(tb testing.TB, commonName string) *x509.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	uri := &url.URL{Scheme: "spiffe", Host: "acme.example", Path: `/a;Cert="b",c`}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: commonName}, URIs: []*url.URL{uri}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return parsed
}

// told is a certificate as Envoy writes it: it escapes only what is special in PEM.
func told(c *x509.Certificate) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	return strings.NewReplacer("\n", "%0A", " ", "%20", "+", "%2B", "/", "%2F", "=", "%3D").Replace(string(text))
}

func hash(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"batch", `a";Cert="b`, "ä,=;\\", strings.Repeat("x", 4096)} {
		c := certificate(t, name)
		value := xfcc.Format(c)
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.Contains(value, ",") {
			t.Errorf("not one element of visible ASCII: %s", value)
		}
		got, err := xfcc.Parse([]string{value})
		if err != nil || !bytes.Equal(got.Raw, c.Raw) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestFormatIsThatOfEnvoy(t *testing.T) {
	c := certificate(t, "batch")
	if got, want := xfcc.Format(c), "Hash="+hash(c)+`;Cert="`+told(c)+`"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParse(t *testing.T) {
	c, other := certificate(t, "batch"), certificate(t, "other")
	cert, sum := `Cert="`+told(c)+`"`, "Hash="+hash(c)
	for name, test := range map[string]struct {
		values []string
		want   string // in the error; none for a certificate
	}{
		"Cert alone":              {[]string{cert}, ""},
		"with a hash":             {[]string{sum + ";" + cert}, ""},
		"hash in capitals":        {[]string{"Hash=" + strings.ToUpper(hash(c)) + ";" + cert}, ""},
		"all that Envoy tells":    {[]string{`By=spiffe://a/b;` + sum + `;` + cert + `;Chain="x";Subject="O=Acme\, \"Inc\",CN=batch";URI=spiffe://a/c;DNS=a.example;DNS=b.example`}, ""},
		"keys in any case":        {[]string{"hASH=" + hash(c) + ";CERT=" + cert[5:]}, ""},
		"nothing":                 {nil, "0 values"},
		"two values":              {[]string{cert, cert}, "2 values"},
		"empty value":             {[]string{""}, "key"},
		"two elements":            {[]string{cert + "," + cert}, "more than one element"},
		"a comma at the end":      {[]string{cert + ","}, "more than one element"},
		"no Cert":                 {[]string{sum}, "no Cert"},
		"Cert twice":              {[]string{cert + ";" + cert}, "twice"},
		"Hash twice":              {[]string{sum + ";" + sum + ";" + cert}, "twice"},
		"hash of another":         {[]string{"Hash=" + hash(other) + ";" + cert}, "another certificate"},
		"empty hash":              {[]string{"Hash=;" + cert}, "another certificate"},
		"unknown key":             {[]string{cert + ";Admin=true"}, "not known"},
		"space before a key":      {[]string{sum + "; " + cert}, "not known"},
		"a semicolon at the end":  {[]string{cert + ";"}, "not known"},
		"no value":                {[]string{"Cert"}, "not known"},
		"quotes that don't end":   {[]string{cert[:len(cert)-1]}, "don't end"},
		"something behind quotes": {[]string{cert + "x"}, "behind the quotes"},
		"quotes in between":       {[]string{`URI=a";` + cert}, "in quotes"},
		"a pair in a URI":         {[]string{`URI=spiffe://a/b;Cert="` + told(other) + `";` + cert}, "twice"},
		"a pair in the subject":   {[]string{`Subject="CN=\";Cert=\"` + told(other) + `\"";` + cert}, ""},
		"an = without quotes":     {[]string{"Subject=CN=batch;" + cert}, "in quotes"},
		"empty Cert":              {[]string{`Cert=""`}, "not percent-encoded PEM"},
		"bad percent-encoding":    {[]string{`Cert="%zz"`}, "not percent-encoded PEM"},
		"PEM cut short":           {[]string{`Cert="` + told(c)[:200] + `"`}, "not one certificate"},
		"two certificates":        {[]string{`Cert="` + told(c) + told(other) + `"`}, "not one certificate"},
		"text before the PEM":     {[]string{`Cert="x%0A` + told(c) + `"`}, "not percent-encoded PEM"},
		"a key":                   {[]string{`Cert="` + strings.ReplaceAll(told(c), "CERTIFICATE", "PRIVATE%20KEY") + `"`}, "not percent-encoded PEM"},
		"not a certificate":       {[]string{`Cert="-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----%0A"`}, "not an X.509 certificate"},
		"line ends":               {[]string{cert + "\n"}, "ASCII"},
		"not ASCII":               {[]string{"DNS=ä;" + cert}, "ASCII"},
		"oversized":               {[]string{`Subject="` + strings.Repeat("x", xfcc.MaxBytes) + `";` + cert}, "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := xfcc.Parse(test.values)
			switch {
			case test.want == "":
				if err != nil || !bytes.Equal(got.Raw, c.Raw) {
					t.Errorf("got %v", err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want):
				t.Errorf("got %v, want an error with %q", err, test.want)
			case !strings.HasPrefix(err.Error(), xfcc.Header+": "):
				t.Errorf("the error doesn't name the header: %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	c := certificate(f, "batch")
	f.Add(xfcc.Format(c))
	f.Add(`By=a;Subject="\"\\";Cert="%2B`)
	f.Add("Hash=x,URI=y")
	f.Fuzz(func(t *testing.T, value string) {
		got, err := xfcc.Parse([]string{value})
		if err != nil {
			return
		}
		again, err := xfcc.Parse([]string{xfcc.Format(got)})
		if err != nil || !bytes.Equal(again.Raw, got.Raw) {
			t.Errorf("%q: %v", value, err)
		}
	})
}
