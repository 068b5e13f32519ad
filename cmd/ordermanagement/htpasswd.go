package main

import (
	"fmt"

	"ordermanagement/internal/auth"
)

// maxGivenPassword bounds what is read from stdin, in bytes; passwords are shorter.
const maxGivenPassword = 4 << 10

// htpasswdCommand lets a user in.
type htpasswdCommand struct {
	letIn
	Name  string  `arg:"" help:"Name of the user, by which the callers file knows it. A user has one password; a new one takes its place."`
	Value *string `env:"-" placeholder:"PASSWORD" help:"Password of the user instead of a random one, or - to read it from stdin, where it stays out of the list of processes."`
}

// Run prints a random password on stdout, the only time that it can be seen, and puts its hash into the htpasswd file.
func (c *htpasswdCommand) Run(p *program) error {
	if err := p.problems.err(); err != nil {
		return usageError{err}
	}
	password, err := secret(p.stdin, c.Value, maxGivenPassword)
	if err != nil {
		return err
	}
	line, err := auth.PasswordLine(c.Name, password)
	if err != nil {
		return usageError{err}
	}
	entry := auth.Entry{User: c.Name, Tenant: c.Tenant, Scopes: c.Scopes}
	err = c.put(p, entry, line, func(files callerFiles) error { return files.setPassword(entry, line) })
	if err == nil && c.Value == nil {
		fmt.Fprintln(p.stdout, password)
	}
	return err
}
