package main

import (
	"fmt"
	"path/filepath"
	"runtime/debug"

	"ordermanagement/certs"
	"ordermanagement/internal/store/sqlite"
)

// migrateCommand brings the schema of the database up to date.
type migrateCommand struct {
	Data     dataSettings     `embed:""`
	Log      logSettings      `embed:""`
	Database databaseSettings `embed:""`
}

// Run migrates and exits.
func (c *migrateCommand) Run(p *program) error {
	checkDatabase(p.problems, c.Database.DatabaseURL)
	if err := p.problems.err(); err != nil {
		return usageError{err}
	}
	unlock, err := lockDirectory(c.Data.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	path := filepath.Join(c.Data.DataDir, databaseName)
	if err := sqlite.Migrate(p.ctx, path); err != nil {
		return err
	}
	newLogger(p.stderr, c.Log).Info("the schema is up to date", "database", path)
	return nil
}

// certsCommand makes certificates.
type certsCommand struct {
	Init certsInitCommand `cmd:"" help:"Make what is missing of a development authority and its certificates in the data directory."`
}

type certsInitCommand struct {
	Data  dataSettings `embed:""`
	Log   logSettings  `embed:""`
	Hosts []string     `arg:"" optional:"" help:"DNS names and IP addresses of the server, beside localhost and the name of this machine."`
}

// Run makes the certificates and prints the files.
func (c *certsInitCommand) Run(p *program) error {
	if err := p.problems.err(); err != nil {
		return usageError{err}
	}
	unlock, err := lockDirectory(c.Data.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	made, err := certs.EnsureDevelopment(c.Data.DataDir, certs.DevelopmentOptions{Hosts: c.Hosts, Logger: newLogger(p.stderr, c.Log)})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "authority: %s\nserver:    %s, %s\ngateway:   %s, %s\n",
		made.CAFile, made.ServerCertFile, made.ServerKeyFile, made.GatewayCertFile, made.GatewayKeyFile)
	return err
}

// versionCommand prints what the program was built from.
type versionCommand struct{}

// Run prints the version, the commit and the Go release.
func (c *versionCommand) Run(p *program) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	commit, state := "unknown", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			commit = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			state = " with changes"
		}
	}
	_, err := fmt.Fprintf(p.stdout, "%s %s, commit %s%s, %s\n", programName, buildVersion(), commit, state, info.GoVersion)
	return err
}
