// Package follow reads files that their owner may change while the program runs: certificates, keys, lists of callers.
package follow

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// Interval is how often files are looked at, at most, and so how old a value can be.
	Interval = time.Second
	// MaxBytes is the size up to which a file is read.
	MaxBytes = 1 << 20
)

// Options say how files are followed.
type Options struct {
	What   string           // they are, for the log
	Now    func() time.Time // time.Now if nil
	Logger *slog.Logger     // told about changes; may be nil
	// Optional are those of the files that need not be there; their content is nil then.
	Optional []string
}

// Files holds what a group of files was last read as. All of them are read together, so that what they say belongs
// together.
//
// It has no goroutine: who asks for the value looks at the files, if nobody has for an [Interval]. Files are compared by
// content, not by time, size or inode: they are small, and a file written twice within the granularity of its time, a
// rename, and a swapped symbolic link, as Kubernetes makes them, are then all the same.
type Files[T any] struct {
	options Options
	files   []string
	parse   func(contents [][]byte) (*T, error)

	current atomic.Pointer[T]

	checked atomic.Int64 // when the files were last looked at, in ns

	mu     sync.Mutex
	tried  [sha256.Size]byte // what was read when the files were last looked at
	failed bool              // whether it couldn't be used
}

// New reads the files for the first time; whatever is wrong with them is an error.
func New[T any](files []string, parse func(contents [][]byte) (*T, error), options Options) (*Files[T], error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	f := &Files[T]{options: options, files: files, parse: parse}
	f.checked.Store(options.Now().UnixNano())
	contents, sum, err := f.read()
	if err != nil {
		return nil, err
	}
	value, err := parse(contents)
	if err != nil {
		return nil, err
	}
	f.current.Store(value)
	f.tried = sum
	return f, nil
}

// Get is the value of now. Nobody waits: while one caller looks at the files, the others get what was read before.
func (f *Files[T]) Get() *T {
	if now := f.options.Now().UnixNano(); f.due(now) && f.mu.TryLock() {
		defer f.mu.Unlock()
		if f.due(now) { // nobody else has looked just now
			f.checked.Store(now)
			f.check()
		}
	}
	return f.current.Load()
}

// Current says whether what the files held when they were last looked at is in use: it isn't if it couldn't be used.
func (f *Files[T]) Current() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.failed
}

// due says whether it is time to look at the files. A clock that was set back must not stop that.
func (f *Files[T]) due(now int64) bool {
	since := now - f.checked.Load()
	return since >= int64(Interval) || since < 0
}

// check is called with the lock held.
func (f *Files[T]) check() {
	contents, sum, err := f.read()
	changed := sum != f.tried
	// What couldn't be used is tried again even if it hasn't changed: a certificate may become valid.
	if !changed && !f.failed {
		return
	}
	var value *T
	if err == nil {
		value, err = f.parse(contents)
	}
	f.tried, f.failed = sum, err != nil
	if err == nil {
		f.current.Store(value)
		f.options.Logger.Info(f.options.What+" reloaded", "files", f.files)
	} else if changed {
		f.options.Logger.Warn(f.options.What+" can't be used, what was loaded before stays in use", "files", f.files, "error", err)
	}
}

// read reads all files. The sum tells apart what can be read as well as how reading fails.
func (f *Files[T]) read() (contents [][]byte, sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	for _, file := range f.files {
		content, readErr := Read(file)
		if errors.Is(readErr, fs.ErrNotExist) && slices.Contains(f.options.Optional, file) {
			content, readErr = nil, nil
		}
		if readErr != nil {
			content = []byte(readErr.Error())
			if err == nil {
				err = readErr
			}
		}
		hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(content))))
		hash.Write(content)
		contents = append(contents, content)
	}
	return contents, [sha256.Size]byte(hash.Sum(nil)), err
}

// Read reads a file of at most [MaxBytes].
func Read(name string) ([]byte, error) {
	// A pipe in its place must not make a call wait for who writes into it.
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s: not a regular file", name))
	}
	data, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, MaxBytes)
	}
	return data, nil
}
