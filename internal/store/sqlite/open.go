package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the driver named "sqlite"
)

const (
	busyTimeout = "5000" // ms; only programs from outside, such as the sqlite3 shell, ever hold a lock
	// Pages in the write-ahead log after which a commit copies them into the database file: 16 MiB.
	checkpointPages = "4000"
	// What the log is cut back to, in bytes, when it starts over.
	journalSizeLimit = "33554432"
)

// pragmas of every connection. synchronous=FULL syncs the log with each commit.
var (
	pragmas       = []string{"busy_timeout(" + busyTimeout + ")", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)"}
	writerPragmas = append(pragmas[:len(pragmas):len(pragmas)],
		"journal_mode(WAL)", "wal_autocheckpoint("+checkpointPages+")", "journal_size_limit("+journalSizeLimit+")")
)

// files is a database file that this process has the lock of.
type files struct {
	path string // absolute, without symbolic links
	lock *flock.Flock
	// created are the directories in which something was created, which must be synced for it to stay.
	created []string
}

// prepare makes the database file, readable by its owner only, unless it is there, and locks it.
func prepare(path string) (*files, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	f := &files{}
	directory := filepath.Dir(path)
	for missing := directory; ; missing = filepath.Dir(missing) {
		if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		f.created = append(f.created, filepath.Dir(missing))
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("database %s: can't create its directory: %w; choose another, or make the one above writable for this user", path, err)
	}
	if path, err = resolve(path); err != nil {
		return nil, err
	}
	f.path = path
	f.lock = flock.New(path+".lock", flock.SetPermissions(0o600))
	locked, err := f.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("database %s: can't lock it: %w; make its directory writable for this user", path, err)
	}
	if !locked {
		return nil, fmt.Errorf("database %s is open in another process; stop that one first, or choose another data directory", path)
	}
	if err := f.create(); err != nil {
		return nil, errors.Join(err, f.lock.Unlock())
	}
	return f, nil
}

// resolve follows the symbolic links to the database file, or to its directory while there is no file. SQLite keeps its
// files beside the real one; so must the lock be, for two data directories that share a database to exclude each other. And
// a link that is changed later has no effect on connections that are opened then.
func resolve(path string) (string, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		resolved, err = filepath.EvalSymlinks(filepath.Dir(path))
		resolved = filepath.Join(resolved, filepath.Base(path))
	}
	if err != nil {
		return "", fmt.Errorf("database %s: can't follow its path: %w; repair the link, or make the directories readable for this user", path, err)
	}
	return resolved, nil
}

func (f *files) create() error {
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		f.created = append(f.created, filepath.Dir(f.path))
	} else if errors.Is(err, fs.ErrExist) {
		file, err = os.OpenFile(f.path, os.O_RDWR, 0)
	}
	if err != nil {
		return fmt.Errorf("database %s: can't write it: %w; make it and its directory writable for this user", f.path, err)
	}
	return file.Close()
}

// sync makes the names of new files and directories durable.
func (f *files) sync() error {
	for _, path := range f.created {
		directory, err := os.Open(path)
		if err != nil {
			return err
		}
		if err := errors.Join(directory.Sync(), directory.Close()); err != nil {
			return err
		}
	}
	return nil
}

// open makes a pool of connections to the database file, all with the same pragmas, none of them dialled yet.
func open(path, mode string, pragmas []string, limit int) *sql.DB {
	query := url.Values{"mode": {mode}, "_pragma": pragmas, "_dqs": {"0"}}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	// Open only fails for an unknown driver.
	db, err := sql.Open("sqlite", strings.Replace(name.String(), "file://", "file:", 1))
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(limit)
	db.SetMaxIdleConns(limit)
	return db
}
