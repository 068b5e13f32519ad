package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"ordermanagement/internal/atomicfile"
	"ordermanagement/internal/auth"
)

// The token that the first start makes: its name, and its file in the data directory.
const (
	developmentToken     = "development"
	developmentTokenFile = "token"
)

// callerFiles are the files that say who is let in.
type callerFiles struct {
	auth.Files
	development string // the token that the first start makes; empty when the operator has named files
}

func newCallerFiles(dir string, s callerFileSettings) callerFiles {
	c := callerFiles{Files: auth.Files{Callers: s.CallersFile, Tokens: s.TokensFile, Htpasswd: s.HtpasswdFile}}
	if c.Tokens == "" && c.Callers == "" {
		c.development = filepath.Join(dir, developmentTokenFile)
	}
	if c.Callers == "" {
		c.Callers = filepath.Join(dir, "callers.yaml")
	}
	// Who names the callers need not have every kind of credential.
	if c.Tokens == "" {
		c.Tokens = filepath.Join(dir, "tokens")
		if c.development == "" {
			c.Optional = append(c.Optional, c.Tokens)
		}
	}
	if c.Htpasswd == "" {
		c.Htpasswd = filepath.Join(dir, "htpasswd")
		c.Optional = append(c.Optional, c.Htpasswd)
	}
	return c
}

// ensure makes the development token and lets it in, unless there is a token file: that one is written last, so it says
// that all was made before, and an operator's changes since then stand.
func (c callerFiles) ensure(log *slog.Logger) error {
	if c.development == "" {
		return nil
	}
	if _, err := os.Stat(c.Tokens); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	token, err := readToken(c.development)
	if errors.Is(err, fs.ErrNotExist) {
		token = auth.NewToken()
		err = atomicfile.Replace(c.development, []byte(token+"\n"), fileMode)
	}
	if err != nil {
		return err
	}
	line, err := auth.TokenLine(developmentToken, token)
	if err != nil {
		return err
	}
	err = c.addToken(auth.Entry{Token: developmentToken, Tenant: auth.DefaultTenant, Scopes: auth.AllScopes()}, line)
	if err == nil {
		log.Info("token made", "file", c.development)
	}
	return err
}

func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if !auth.IsToken(token) {
		return "", fmt.Errorf("%s does not hold a token; restore it, or remove it and %s beside it to have new ones made", path, "tokens")
	}
	return token, nil
}

// addToken adds a line to the token file, and the caller to the callers file unless it is there.
func (c callerFiles) addToken(entry auth.Entry, line string) error {
	return c.change(entry, c.Tokens, auth.AddToken, line)
}

// setPassword does so with the htpasswd file, where the line takes the place of the user's old one.
func (c callerFiles) setPassword(entry auth.Entry, line string) error {
	return c.change(entry, c.Htpasswd, auth.SetPassword, line)
}

// change adds a caller, unless it is there, and a line to one of the other files. What all of them would be is checked
// before one is written.
func (c callerFiles) change(entry auth.Entry, path string, with func(file []byte, line string) []byte, line string) error {
	contents := map[string][]byte{}
	for _, path := range []string{c.Callers, c.Tokens, c.Htpasswd} {
		content, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		contents[path] = content
	}
	before := contents[c.Callers]
	callers, err := auth.AddCaller(before, entry)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Callers, err)
	}
	contents[path] = with(contents[path], line)
	if err := c.Check(callers, contents[c.Tokens], contents[c.Htpasswd]); err != nil {
		return err
	}
	// A caller without a credential does no harm for the moment, a credential without a caller is warned of.
	if !bytes.Equal(before, callers) {
		if err := atomicfile.Replace(c.Callers, callers, fileMode); err != nil {
			return err
		}
	}
	return atomicfile.Replace(path, contents[path], fileMode)
}
