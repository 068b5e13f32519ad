// Package atomicfile writes files of which nobody ever sees a part, and which survive a power cut.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// leftoverAge is after how long a temporary file is taken for one of a process that was killed.
	leftoverAge = time.Minute
	tempSuffix  = ".tmp"
)

// Exists tells whether there is something under a name, be it a link to nothing.
func Exists(name string) (bool, error) {
	_, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// MustNotExist is fs.ErrExist if there is something under a name.
func MustNotExist(name string) error {
	found, err := Exists(name)
	if err == nil && found {
		err = &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	return err
}

// Create writes a file that must not exist; the error is fs.ErrExist if it does. Of several processes that create
// the same file one wins, and nobody ever sees a part of it.
func Create(name string, data []byte, mode fs.FileMode) error {
	return write(name, data, mode, func(temp string) error {
		// Unlike a rename, a link never replaces.
		err := os.Link(temp, name)
		if err == nil {
			return os.Remove(temp)
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		// Some file systems have no links.
		if err := MustNotExist(name); err != nil {
			return err
		}
		return os.Rename(temp, name)
	})
}

// Replace writes a file in the place of the one that is there, if any.
func Replace(name string, data []byte, mode fs.FileMode) error {
	return write(name, data, mode, func(temp string) error { return os.Rename(temp, name) })
}

// write writes all of the data to a temporary file and to the disk before place gives it its name.
func write(name string, data []byte, mode fs.FileMode, place func(temp string) error) (err error) {
	directory := filepath.Dir(name)
	temp, err := os.CreateTemp(directory, "."+filepath.Base(name)+".*"+tempSuffix) // made with 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if err := temp.Chmod(mode); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := place(temp.Name()); err != nil {
		return err
	}
	return syncDirectory(directory)
}

// syncDirectory makes a new name survive a power cut.
func syncDirectory(name string) error {
	if runtime.GOOS == "windows" { // it has no such call
		return nil
	}
	directory, err := os.Open(name)
	if err != nil {
		return err
	}
	defer directory.Close()
	return directory.Sync()
}

// RemoveLeftovers removes the temporary files of a process that was killed while it wrote one of the named files of a
// directory. Younger ones may belong to a process that is writing now.
func RemoveLeftovers(directory string, now time.Time, names ...string) error {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !slices.ContainsFunc(names, func(name string) bool { return isTemp(entry.Name(), name) }) {
			continue
		}
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) < leftoverAge {
			continue // gone, or in use
		}
		err = os.Remove(filepath.Join(directory, entry.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func isTemp(entry, name string) bool {
	return strings.HasPrefix(entry, "."+name+".") && strings.HasSuffix(entry, tempSuffix)
}
