package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Entry is one entry of a callers file, which says who the credentials are that the operator lets in:
//
//	callers:
//	  - token: ci
//	    tenant: default
//	    scopes: [orders.read, orders.write]
//	  - user: ann
//	    tenant: acme
//	    scopes: [orders.read]
//	  - certificate: CN=batch,O=Acme
//	    tenant: acme
//	    scopes: [orders.read, orders.write]
//	  - certificate: uri:spiffe://acme.example/reporting
//	    tenant: acme
//	    scopes: [orders.read]
//
// Each entry names exactly one credential, and each credential has at most one entry:
//
//   - token: the name of tokens in the token file;
//   - user: the name of a user in the htpasswd file;
//   - certificate: an identity in a verified client certificate. "dns:NAME", "email:ADDRESS" and "uri:URI" are subject
//     alternative names: DNS names and the domains of addresses match in any case, everything else exactly, and a wildcard
//     stands for nothing but itself. Anything else is the whole subject (RFC 4514), as openssl x509 -noout -subject -nameopt
//     RFC2253 prints it: both sides are brought into one form, so that escapes, the case of attribute names and the order
//     within a multi-valued RDN don't matter, but the values, their case and the order of RDNs do.
//
// A certificate in which several entries find themselves is refused: it is not clear whose it is.
type Entry struct {
	Token       string `yaml:"token,omitempty"`
	User        string `yaml:"user,omitempty"`
	Certificate string `yaml:"certificate,omitempty"`

	Tenant string   `yaml:"tenant"`
	Scopes []string `yaml:"scopes,flow"`
}

const nameRule = "1 to 63 letters, digits, '.', '_', '@' or '-'"

var (
	// credentialName is what a token and a user may be called. It leaves out the colon, which ends names in both files and
	// in Basic credentials, and all that looks alike or does harm in logs.
	credentialName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,63}$`)
	// tenantName is what a tenant may be called.
	tenantName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
)

// ValidTenant says whether a tenant may be called so: 1 to 63 lower-case letters, digits and '-', which isn't the first.
func ValidTenant(name string) bool { return tenantName.MatchString(name) }

// callers are the callers of a callers file, by what their credentials are called.
type callers struct {
	tokens, users map[string]Caller
	certificates  map[string]Caller // by the canonical form of the identity
}

func parseCallers(data []byte) (*callers, error) {
	var file struct {
		Callers []Entry `yaml:"callers"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		// What Go calls the entries, nobody who writes them wants to know.
		return nil, errors.New(strings.ReplaceAll(err.Error(), " in type auth.Entry", ", only token, user, certificate, tenant and scopes"))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one YAML document")
	}
	c := &callers{tokens: map[string]Caller{}, users: map[string]Caller{}, certificates: map[string]Caller{}}
	for i, entry := range file.Callers {
		if err := c.add(entry); err != nil {
			return nil, fmt.Errorf("line %d: callers[%d]: %w", lineOfCaller(data, i), i, err)
		}
	}
	return c, nil
}

func (c *callers) add(entry Entry) error {
	kind, name, err := entry.credential()
	if err != nil {
		return err
	}
	if err := entry.check(); err != nil {
		return err
	}
	caller := Caller{Tenant: entry.Tenant, Scopes: entry.Scopes, Kind: kind}
	var known map[string]Caller
	switch kind {
	case KindToken:
		known, caller.Subject = c.tokens, "token:"+name
	case KindBasic:
		known, caller.Subject = c.users, "user:"+name
	default:
		known, caller.Subject = c.certificates, "certificate:"+name
	}
	if _, ok := known[name]; ok {
		return fmt.Errorf("%s has a caller already", caller.Subject)
	}
	known[name] = caller
	return nil
}

// credential is the one credential of the entry, by its canonical name.
func (e *Entry) credential() (kind Kind, name string, err error) {
	switch {
	case e.Token != "" && e.User == "" && e.Certificate == "":
		if !credentialName.MatchString(e.Token) {
			return "", "", errors.New("token must be the name of a token, " + nameRule)
		}
		return KindToken, e.Token, nil
	case e.User != "" && e.Token == "" && e.Certificate == "":
		if !credentialName.MatchString(e.User) {
			return "", "", errors.New("user must be the name of a user, " + nameRule)
		}
		return KindBasic, e.User, nil
	case e.Certificate != "" && e.Token == "" && e.User == "":
		name, err = canonicalIdentity(e.Certificate)
		if err != nil {
			return "", "", fmt.Errorf("certificate: %w", err)
		}
		return KindCertificate, name, nil
	}
	return "", "", errors.New("must name exactly one credential: token, user or certificate")
}

func (e *Entry) check() error {
	if !tenantName.MatchString(e.Tenant) {
		return errors.New("tenant must be 1 to 63 lower-case letters, digits or '-'")
	}
	for _, scope := range e.Scopes {
		if !slices.Contains(AllScopes(), scope) {
			return fmt.Errorf("there is no scope %q; the scopes are %v", scope, AllScopes())
		}
	}
	return nil
}

// lineOfCaller is the line on which an entry begins. The strict decoder, which has read the entry, does not tell it.
func lineOfCaller(data []byte, index int) int {
	var file struct {
		Callers []yaml.Node `yaml:"callers"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil || index >= len(file.Callers) {
		return 1
	}
	return file.Callers[index].Line
}
