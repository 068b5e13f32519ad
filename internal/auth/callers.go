package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// callersFile is who the names of credentials are:
//
//	callers:
//	  - token: ci
//	    tenant: default
//	    scopes: [orders.read, orders.write]
type callersFile struct {
	Callers []callerEntry `yaml:"callers"`
}

type callerEntry struct {
	Token  string   `yaml:"token"`
	Tenant string   `yaml:"tenant"`
	Scopes []string `yaml:"scopes"`
}

// tenantName is what a tenant may be called.
var tenantName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// ValidTenant says whether a tenant may be called so: 1 to 63 lower-case letters, digits and '-', which isn't the first.
func ValidTenant(name string) bool { return tenantName.MatchString(name) }

// loadCallers reads a callers file: the callers by the names of their tokens.
func loadCallers(path string) (map[string]Caller, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the callers file: %w", err)
	}
	callers, err := parseCallers(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return callers, nil
}

func parseCallers(data []byte) (map[string]Caller, error) {
	var file callersFile
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	callers := make(map[string]Caller, len(file.Callers))
	for i, entry := range file.Callers {
		if err := entry.check(); err != nil {
			return nil, fmt.Errorf("callers[%d]: %w", i, err)
		}
		if _, ok := callers[entry.Token]; ok {
			return nil, fmt.Errorf("callers[%d]: the token %q has a caller already", i, entry.Token)
		}
		callers[entry.Token] = Caller{Subject: "token:" + entry.Token, Tenant: entry.Tenant, Scopes: entry.Scopes, Kind: KindToken}
	}
	return callers, nil
}

func (e *callerEntry) check() error {
	if !tokenName.MatchString(e.Token) {
		return errors.New("token must be the name of a token, 1 to 63 letters, digits, '.', '_', '@' or '-'")
	}
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
