package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"ordermanagement/internal/auth"
)

// rdn is attributes of which a subject in a certificate has several: "CN", "O", "DC".
type rdn []pkix.AttributeTypeAndValue

func attribute(kind string, value any) pkix.AttributeTypeAndValue {
	types := map[string]asn1.ObjectIdentifier{"CN": {2, 5, 4, 3}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "DC": {0, 9, 2342, 19200300, 100, 1, 25}}
	return pkix.AttributeTypeAndValue{Type: types[kind], Value: value}
}

func cn(value string) rdn  { return rdn{attribute("CN", value)} }
func org(value string) rdn { return rdn{attribute("O", value)} }

// withSubject gives a certificate a subject, RDN by RDN in the order in which they are encoded.
func withSubject(rdns ...rdn) func(*testing.T, *x509.Certificate) {
	return func(t *testing.T, template *x509.Certificate) {
		var sequence pkix.RDNSequence
		for _, one := range rdns {
			sequence = append(sequence, pkix.RelativeDistinguishedNameSET(one))
		}
		der, err := asn1.Marshal(sequence)
		if err != nil {
			t.Fatal(err)
		}
		template.RawSubject = der
	}
}

func subject(commonName string) func(*testing.T, *x509.Certificate) {
	return withSubject(org("Acme"), cn(commonName))
}

func withURI(text string) func(*testing.T, *x509.Certificate) {
	return func(t *testing.T, template *x509.Certificate) {
		uri, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		template.URIs = append(template.URIs, uri)
	}
}

// withRawURI is withURI of a text that crypto/x509 would write otherwise.
func withRawURI(text string) func(*testing.T, *x509.Certificate) {
	return func(t *testing.T, template *x509.Certificate) {
		names, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: names})
	}
}

func until(end time.Time) func(*testing.T, *x509.Certificate) {
	return func(_ *testing.T, template *x509.Certificate) { template.NotAfter = end }
}

func withDNS(name string) func(*testing.T, *x509.Certificate) {
	return func(_ *testing.T, template *x509.Certificate) { template.DNSNames = append(template.DNSNames, name) }
}

func withEmail(address string) func(*testing.T, *x509.Certificate) {
	return func(_ *testing.T, template *x509.Certificate) {
		template.EmailAddresses = append(template.EmailAddresses, address)
	}
}

func certificate(t *testing.T, with ...func(*testing.T, *x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	for _, change := range with {
		change(t, template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestCertificates(t *testing.T) {
	type with = []func(*testing.T, *x509.Certificate)
	for name, test := range map[string]struct {
		identities  []string // of the callers file, YAML
		certificate with
		want        string // the identity, or how it is refused
	}{
		"subject":                         {[]string{"CN=batch,O=Acme"}, with{subject("batch")}, "CN=batch,O=Acme"},
		"names of attributes in any case": {[]string{"cn=batch,o=Acme"}, with{subject("batch")}, "CN=batch,O=Acme"},
		"by OID":                          {[]string{"2.5.4.3=batch,O=Acme"}, with{subject("batch")}, "CN=batch,O=Acme"},
		"by DER":                          {[]string{"2.5.4.3=#13056261746368,O=Acme"}, with{subject("batch")}, "CN=batch,O=Acme"},
		"other case of a value":           {[]string{"CN=Batch,O=Acme"}, with{subject("batch")}, "certificate unknown"},
		"other order":                     {[]string{"O=Acme,CN=batch"}, with{subject("batch")}, "certificate unknown"},
		"part of the subject":             {[]string{"CN=batch"}, with{subject("batch")}, "certificate unknown"},
		"more in the subject":             {[]string{"CN=batch,O=Acme"}, with{withSubject(org("Acme"), org("Evil"), cn("batch"))}, "certificate unknown"},
		"two common names":                {[]string{"CN=batch,O=Acme"}, with{withSubject(org("Acme"), cn("evil"), cn("batch"))}, "certificate unknown"},
		"comma in a name":                 {[]string{"CN=batch,O=Acme"}, with{withSubject(cn("batch,O=Acme"))}, "certificate unknown"},
		"escaped comma in a name":         {[]string{"CN=batch,O=Acme"}, with{withSubject(cn(`batch\,O=Acme`))}, "certificate unknown"},
		"quotes in a name":                {[]string{"CN=batch,O=Acme"}, with{withSubject(cn(`"batch,O=Acme"`))}, "certificate unknown"},
		"plus in a name":                  {[]string{"CN=batch+O=Acme"}, with{withSubject(cn("batch+O=Acme"))}, "certificate unknown"},
		"a name with a comma":             {[]string{`'CN=batch\,O=Acme'`}, with{withSubject(cn("batch,O=Acme"))}, `CN=batch\,O=Acme`},
		"a name with a comma, in hex":     {[]string{`'CN=batch\2cO=Acme'`}, with{withSubject(cn("batch,O=Acme"))}, `CN=batch\,O=Acme`},
		"a name with a backslash":         {[]string{`'CN=a\\'`}, with{withSubject(cn(`a\`))}, `CN=a\\`},
		"a name with spaces":              {[]string{`'CN=\ a b\ '`}, with{withSubject(cn(" a b "))}, `CN=\ a b\ `},
		"a name like DER":                 {[]string{`'CN=\#1301'`}, with{withSubject(cn("#1301"))}, `CN=\#1301`},
		"not ASCII":                       {[]string{"CN=bätch"}, with{withSubject(cn("bätch"))}, "CN=bätch"},
		"one RDN of two":                  {[]string{"CN=batch,O=Acme"}, with{withSubject(rdn{attribute("CN", "batch"), attribute("O", "Acme")})}, "certificate unknown"},
		"one RDN of two, any order":       {[]string{"O=Acme+CN=batch"}, with{withSubject(rdn{attribute("CN", "batch"), attribute("O", "Acme")})}, "CN=batch+O=Acme"},
		"domain components":               {[]string{"CN=batch,DC=acme,DC=example"}, with{withSubject(rdn{attribute("DC", asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("example")})}, rdn{attribute("DC", asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("acme")})}, cn("batch"))}, "CN=batch,0.9.2342.19200300.100.1.25=#130461636d65,0.9.2342.19200300.100.1.25=#13076578616d706c65"},
		"NUL in a name":                   {[]string{"CN=batch"}, with{withSubject(cn("batch\x00"))}, "certificate unknown"},
		"no subject":                      {[]string{"CN=batch"}, nil, "certificate unknown"},
		"dns":                             {[]string{"dns:Batch.Acme.example"}, with{withDNS("bATCH.acme.example")}, "dns:batch.acme.example"},
		"dns is not the subject":          {[]string{"dns:batch"}, with{subject("batch")}, "certificate unknown"},
		"the subject is not dns":          {[]string{"CN=batch,O=Acme"}, with{withDNS("CN=batch,O=Acme")}, "certificate unknown"},
		"a wildcard in the certificate":   {[]string{"dns:batch.acme.example"}, with{withDNS("*.acme.example")}, "certificate unknown"},
		"a wildcard in the file":          {[]string{"dns:*.acme.example"}, with{withDNS("batch.acme.example")}, "certificate unknown"},
		"uri":                             {[]string{"uri:spiffe://acme.example/batch"}, with{withURI("spiffe://acme.example/batch")}, "uri:spiffe://acme.example/batch"},
		"uri, other case":                 {[]string{"uri:spiffe://acme.example/Batch"}, with{withURI("spiffe://acme.example/batch")}, "certificate unknown"},
		"uri, scheme in capitals":         {[]string{"uri:spiffe://acme.example/batch"}, with{withRawURI("SPIFFE://acme.example/batch")}, "certificate unknown"},
		"uri, empty fragment":             {[]string{"uri:spiffe://acme.example/batch"}, with{withRawURI("spiffe://acme.example/batch#")}, "certificate unknown"},
		"uri, as it stands there":         {[]string{"uri:spiffe://acme.example/batch"}, with{withRawURI("spiffe://acme.example/batch")}, "uri:spiffe://acme.example/batch"},
		"ended since":                     {[]string{"CN=batch,O=Acme"}, with{subject("batch"), until(time.Now().Add(-time.Minute))}, "certificate expired"},
		"not ended":                       {[]string{"CN=batch,O=Acme"}, with{subject("batch"), until(time.Now().Add(time.Minute))}, "CN=batch,O=Acme"},
		"uri, longer":                     {[]string{"uri:spiffe://acme.example/batch"}, with{withURI("spiffe://acme.example/batch/evil")}, "certificate unknown"},
		"uri, escaped":                    {[]string{"uri:spiffe://acme.example/batch"}, with{withURI("spiffe://acme.example/b%61tch")}, "certificate unknown"},
		"email":                           {[]string{"email:Ann@ACME.example"}, with{withEmail("Ann@acme.EXAMPLE")}, "email:Ann@acme.example"},
		"email, other case":               {[]string{"email:ann@acme.example"}, with{withEmail("Ann@acme.example")}, "certificate unknown"},
		"a URI in the address":            {[]string{"uri:spiffe://acme.example/batch"}, with{withEmail("uri:spiffe://acme.example/batch")}, "certificate unknown"},
		"one of many":                     {[]string{"dns:b.example", "dns:z.example"}, with{subject("x"), withDNS("a.example"), withDNS("b.example"), withDNS("b.example")}, "dns:b.example"},
		"two callers":                     {[]string{"CN=batch,O=Acme", "dns:a.example"}, with{subject("batch"), withDNS("a.example")}, "certificate ambiguous"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOperator(t)
			lines := []string{"callers:"}
			for _, identity := range test.identities {
				lines = append(lines, "  - certificate: "+identity, "    tenant: acme")
			}
			o.write(o.files.Callers, lines...)
			o.write(o.files.Tokens)
			o.write(o.files.Htpasswd)
			directory, _ := o.open()
			caller, err := directory.VerifyCertificate(certificate(t, test.certificate...))
			got := strings.TrimPrefix(caller.Subject, "certificate:")
			if err != nil {
				got = refusal(t, err)
			}
			if got != test.want {
				t.Errorf("got %q, want %q (%v)", got, test.want, err)
			}
		})
	}
}

// FuzzSubject writes a subject into the callers file and, where it is one, back into a certificate: what is written of a
// certificate finds this one and no other.
func FuzzSubject(f *testing.F) {
	f.Add("batch", "Acme")
	f.Add("batch,O=Acme", "x")
	f.Add(`a\`, `+O=b`)
	f.Add(" #", "\x00")
	f.Fuzz(func(t *testing.T, commonName, organization string) {
		template := &x509.Certificate{}
		der, err := asn1.Marshal(pkix.RDNSequence{{attribute("O", organization)}, {attribute("CN", commonName)}})
		if err != nil {
			return
		}
		template.RawSubject = der
		text := pkix.RDNSequence{{attribute("O", organization)}, {attribute("CN", commonName)}}.String()
		callers, err := auth.AddCaller(nil, auth.Entry{Certificate: text, Scopes: []string{}})
		if err != nil {
			return
		}
		o := newOperator(t)
		o.writeAll(string(callers), "", "")
		directory, _ := o.open()
		if caller, err := directory.VerifyCertificate(template); err != nil || caller.Subject != "certificate:"+text {
			t.Errorf("%q: %+v, %v", text, caller, err)
		}
		if template.RawSubject, err = asn1.Marshal(pkix.RDNSequence{{attribute("CN", commonName)}, {attribute("O", organization)}}); err != nil {
			t.Fatal(err)
		}
		if caller, err := directory.VerifyCertificate(template); err == nil {
			t.Errorf("%q in another order is %+v", text, caller)
		}
	})
}
