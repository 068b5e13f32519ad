package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"ordermanagement/internal/auth"
)

// maxTokenBytes is how long a token that is given may be; headers are bounded too.
const maxTokenBytes = 4096

// tokenCommand lets a token in.
type tokenCommand struct {
	Data dataSettings `embed:""`
	Log  logSettings  `embed:""`
	tokenFileSettings

	Name   string   `arg:"" help:"Name of the token, by which the callers file knows it. A name may have several tokens."`
	Tenant string   `env:"-" placeholder:"TENANT" help:"Tenant of a new caller (default: default)."`
	Scopes []string `env:"-" placeholder:"SCOPE" help:"What a new caller may do: orders.read, orders.write, products.read, products.write."`
	Value  string   `env:"-" placeholder:"TOKEN" help:"Token to let in instead of a new one, or - to read it from stdin, where it stays out of the list of processes."`
	Print  bool     `env:"-" help:"Print the line for the token file on stderr, and change no file."`
}

// Run prints a new token on stdout, the only time that it can be seen, and adds its hash to the token file.
func (c *tokenCommand) Run(p *program) error {
	if err := p.problems.err(); err != nil {
		return usageError{err}
	}
	token, err := c.token(p.stdin)
	if err != nil {
		return usageError{err}
	}
	line, err := auth.TokenLine(c.Name, token)
	if err != nil {
		return usageError{err}
	}
	what := line
	if !c.Print {
		if err := c.add(p, token); err != nil {
			return err
		}
		what = "added to the token file; servers that run take it after a restart"
	}
	fmt.Fprintln(p.stderr, what)
	if c.Value == "" {
		fmt.Fprintln(p.stdout, token)
	}
	return nil
}

func (c *tokenCommand) token(stdin io.Reader) (string, error) {
	token := c.Value
	switch c.Value {
	case "":
		return auth.NewToken(), nil
	case "-":
		text, err := io.ReadAll(io.LimitReader(stdin, maxTokenBytes+1))
		if err != nil {
			return "", err
		}
		token = strings.TrimRight(string(text), "\r\n")
	}
	if len(token) > maxTokenBytes || !bearerToken.MatchString(token) {
		return "", errors.New("a token is up to 4096 letters, digits and . _ ~ + / - with = at its end (RFC 6750, 2.1)")
	}
	return token, nil
}

func (c *tokenCommand) add(p *program, token string) error {
	unlock, err := lockDirectory(c.Data.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	t := newTokenFiles(c.Data.DataDir, c.tokenFileSettings)
	// The development token comes first: a server that finds the token file takes it that all was made.
	if err := t.ensure(newLogger(p.stderr, c.Log)); err != nil {
		return err
	}
	return t.add(callerEntry{Token: c.Name, Tenant: c.Tenant, Scopes: c.Scopes}, token)
}
