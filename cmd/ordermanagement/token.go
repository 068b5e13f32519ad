package main

import (
	"fmt"
	"io"
	"strings"

	"ordermanagement/internal/auth"
)

// letIn is what the commands have that let somebody in.
type letIn struct {
	Data dataSettings `embed:""`
	Log  logSettings  `embed:""`
	callerFileSettings

	Tenant string   `env:"-" placeholder:"TENANT" help:"Tenant of a new caller (default: default)."`
	Scopes []string `env:"-" placeholder:"SCOPE" help:"What a new caller may do: orders.read, orders.write, products.read, products.write."`
	Print  bool     `env:"-" help:"Print what would be added to the files on stderr, and change none."`
}

// tokenCommand lets a token in.
type tokenCommand struct {
	letIn
	Name  string  `arg:"" help:"Name of the token, by which the callers file knows it. A name may have several tokens."`
	Value *string `env:"-" placeholder:"TOKEN" help:"Token to let in instead of a new one, or - to read it from stdin, where it stays out of the list of processes."`
}

// Run prints a new token on stdout, the only time that it can be seen, and adds its hash to the token file.
func (c *tokenCommand) Run(p *program) error {
	if err := p.problems.err(); err != nil {
		return usageError{err}
	}
	token, err := secret(p.stdin, c.Value, auth.MaxTokenBytes)
	if err != nil {
		return err
	}
	if !auth.IsToken(token) {
		return usageError{fmt.Errorf("a token is up to %d letters, digits and . _ ~ + / - with = at its end (RFC 6750, 2.1)", auth.MaxTokenBytes)}
	}
	line, err := auth.TokenLine(c.Name, token)
	if err != nil {
		return usageError{err}
	}
	entry := auth.Entry{Token: c.Name, Tenant: c.Tenant, Scopes: c.Scopes}
	err = c.put(p, entry, line, func(files callerFiles) error { return files.addToken(entry, line) })
	if err == nil && c.Value == nil {
		fmt.Fprintln(p.stdout, token)
	}
	return err
}

// put prints a line, or puts it into its file.
func (l *letIn) put(p *program, entry auth.Entry, line string, put func(callerFiles) error) error {
	if l.Print {
		return l.print(p.stderr, entry, line)
	}
	unlock, err := lockDirectory(l.Data.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	files := newCallerFiles(l.Data.DataDir, l.callerFileSettings)
	// The development token comes first: a server that finds the token file takes it that all was made.
	if err := files.ensure(newLogger(p.stderr, l.Log)); err != nil {
		return err
	}
	if err := put(files); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stderr, "done; servers that run take it within a second")
	return err
}

// print prints a line, and the entry of a callers file that belongs to it if there is one to be made.
func (l *letIn) print(w io.Writer, entry auth.Entry, line string) error {
	text := line + "\n"
	if entry.Scopes != nil {
		callers, err := auth.AddCaller(nil, entry)
		if err != nil {
			return usageError{err}
		}
		text += string(callers)
	}
	_, err := io.WriteString(w, text)
	return err
}

// secret is a new one if none is given, and what stands on stdin, up to line ends, if "-" is.
func secret(stdin io.Reader, given *string, maxBytes int) (string, error) {
	switch {
	case given == nil:
		return auth.NewToken(), nil
	case *given == "-":
		text, err := io.ReadAll(io.LimitReader(stdin, int64(maxBytes)+1))
		return strings.TrimRight(string(text), "\r\n"), err
	}
	return *given, nil // an empty one, as of a variable that is not set, is refused as what it is
}
