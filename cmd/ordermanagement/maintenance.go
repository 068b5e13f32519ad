package main

import (
	"fmt"
	"path/filepath"
	"runtime/debug"

	"ordermanagement/internal/store/postgres"
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
	checkDatabase(p.problems, c.Database)
	if err := p.problems.err(); err != nil {
		return usageError{err}
	}
	log := newLogger(p.stderr, c.Log)
	if c.Database.DatabaseURL != "" {
		if err := postgres.Migrate(p.ctx, c.Database.options()); err != nil {
			return err
		}
		log.Info("the schema is up to date", "database", postgres.Place(c.Database.DatabaseURL))
		return nil
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
	log.Info("the schema is up to date", "database", path)
	return nil
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
