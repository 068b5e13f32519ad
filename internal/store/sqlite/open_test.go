package sqlite_test

import (
	"database/sql"
	"errors"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"ordermanagement/internal/store/sqlite"
	"ordermanagement/internal/store/storetest"
)

func TestPragmas(t *testing.T) {
	store := open(t, filepath.Join(t.TempDir(), "orders.db"))
	defer store.Close()
	want := map[string]string{"synchronous": "2", "journal_mode": "wal", "busy_timeout": "5000", "foreign_keys": "1"}
	count := map[string]int{}
	err := store.Connections(t.Context(), func(name string, c *sql.Conn) {
		count[name]++
		for pragma, want := range want {
			var got string
			if err := c.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s connection %d: %s = %q, want %q; %v", name, count[name], pragma, got, want, err)
			}
		}
		_, err := c.ExecContext(t.Context(), "DELETE FROM orders")
		if writes := err == nil; writes != (name == "writer") {
			t.Errorf("%s connection %d writes: %v", name, count[name], err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int{"writer": 1, "point": sqlite.PointReaders, "list": sqlite.ListReaders, "search": sqlite.SearchReaders}
	if !maps.Equal(count, all) {
		t.Errorf("connections: %v, want %v", count, all)
	}
}

// refused checks that the database is opened neither by Open nor by Migrate, and that both say so in one line, which names
// the real file.
func refused(t *testing.T, path string, want ...string) {
	t.Helper()
	named := path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		named = resolved
	}
	store, openErr := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if openErr == nil {
		store.Close()
	}
	for name, err := range map[string]error{"Open": openErr, "Migrate": sqlite.Migrate(t.Context(), path)} {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, part := range append(want, named) {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q lacks %q", name, err, part)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %q", name, err)
		}
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	store := open(t, path)
	refused(t, path, "open in another process", "stop that one first")
	storetest.Must(t, store, storetest.Orders("t", storetest.Order("a")))
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path).Close()

	// The lock of a process that was killed is free.
	holder := startChild(t, childApplies, path)
	holder.acknowledged(t, 1)
	refused(t, path, "open in another process")
	holder.kill(t)
	open(t, path).Close()
}

// TestLinks: a database is locked by whatever path it is opened.
func TestLinks(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "real", "orders.db")
	open(t, path).Close()
	if err := os.Mkdir(filepath.Join(root, "other"), 0o700); err != nil {
		t.Fatal(err)
	}
	links := map[string]string{"linked": "real", "other/orders.db": path, "other/relative.db": "../linked/orders.db", "other/nothing.db": "../none.db"}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	others := []string{"linked/orders.db", "other/orders.db", "other/relative.db"}
	for _, other := range others {
		store := open(t, path)
		refused(t, filepath.Join(root, other), "open in another process")
		store.Close()
		store = open(t, filepath.Join(root, other))
		refused(t, path, "open in another process")
		storetest.Must(t, store, storetest.Orders("t", storetest.Order(other)))
		store.Close()
	}
	store := open(t, path)
	found, err := store.Orders().GetMany(t.Context(), "t", others)
	if err != nil || len(found) != len(others) {
		t.Errorf("%d orders, want %d; %v", len(found), len(others), err)
	}
	store.Close()

	// An open store stays with its file when the link to its directory is changed: it opens the file once more to read.
	store = open(t, filepath.Join(root, "linked", "new.db"))
	refused(t, filepath.Join(root, "real", "new.db"), "open in another process")
	storetest.Must(t, store, storetest.Orders("t", storetest.Order("a")))
	if err := errors.Join(os.Remove(filepath.Join(root, "linked")), os.Symlink("other", filepath.Join(root, "linked"))); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Orders().Get(t.Context(), "t", "a"); err != nil {
		t.Error(err)
	}
	store.Close()
	refused(t, filepath.Join(root, "other", "nothing.db"), "can't write it")
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "directory", "orders.db")
	for range 2 {
		if err := sqlite.Migrate(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	store := open(t, path)
	storetest.Must(t, store, storetest.Orders("t", storetest.Order("a")))
	for _, name := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s%s: %v, %v, want 0600", path, name, info.Mode(), err)
		}
	}
	store.Close()
	if err := sqlite.Migrate(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	store = open(t, path)
	defer store.Close()
	if _, err := store.Orders().Get(t.Context(), "t", "a"); err != nil {
		t.Error(err)
	}
}

func TestNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	open(t, path).Close()
	alter(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (4711, 1)")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, path, "4711", "run the newer program")
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed; %v", err)
	}
	alter(t, path, "DELETE FROM goose_db_version WHERE version_id = 4711")
	open(t, path).Close()
}

// connect opens the database file beside the store.
func connect(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func alter(t *testing.T, path, statement string) {
	t.Helper()
	db := connect(t, path)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedFiles(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "orders.db")
	open(t, whole).Close()
	good, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"text":             strings.Repeat("this is no database ", 500),
		"short text":       "hello",
		"damaged header":   strings.Repeat("\x00", 16) + string(good[16:]),
		"damaged schema":   string(good[:100]) + strings.Repeat("\xa5", 3996) + string(good[4096:]),
		"half a page":      string(good[:2048]),
		"all but one page": string(good[:4096]),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "orders.db")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, path, "restore it from a backup")
			if after, err := os.ReadFile(path); err != nil || string(after) != content {
				t.Errorf("the file was changed; %v", err)
			}
		})
	}
	t.Run("directory", func(t *testing.T) { refused(t, t.TempDir(), "can't write it") })
	t.Run("file for a directory", func(t *testing.T) { refused(t, filepath.Join(whole, "orders.db"), "not a directory") })
}

// TestUnwritable runs as a user who may not write, whoever runs the tests.
func TestUnwritable(t *testing.T) {
	root, err := os.MkdirTemp("", "unwritable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	existing := filepath.Join(root, "existing")
	open(t, filepath.Join(existing, "orders.db")).Close()
	for path, mode := range map[string]os.FileMode{
		root: 0o555, existing: 0o777, filepath.Join(existing, "orders.db"): 0o444, filepath.Join(existing, "orders.db.lock"): 0o666,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			const nobody = 65534
			if err := syscall.Setfsuid(nobody); err != nil {
				t.Error(err)
				return
			}
		}
		refused(t, filepath.Join(root, "orders.db"), "can't lock it", "writable")
		refused(t, filepath.Join(root, "new", "orders.db"), "can't create its directory", "writable")
		refused(t, filepath.Join(existing, "orders.db"), "can't write it", "writable")
	}()
	<-done
}

func TestPathNames(t *testing.T) {
	for _, name := range []string{"a b", "a?mode=memory", "a%20b", "a#b", "ü漢", "a&b=c;d", ":memory:"} {
		path := filepath.Join(t.TempDir(), name, name+".db")
		store := open(t, path)
		storetest.Must(t, store, storetest.Orders("t", storetest.Order("a")))
		if err := store.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v", name, err)
		}
		store = open(t, path)
		if _, err := store.Orders().Get(t.Context(), "t", "a"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		store.Close()
	}
}

// BenchmarkOpen opens a database whose schema is up to date.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "orders.db")
	for b.Loop() {
		store := open(b, path)
		if _, err := store.Orders().GetMany(b.Context(), "t", nil); err != nil {
			b.Fatal(err)
		}
		store.Close()
	}
}
