package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// checkInterval is how often files are looked at, at most, and so how old a configuration can be.
const checkInterval = time.Second

// source holds what a group of files was last read as.
//
// It has no goroutine: who asks for the value looks at the files, if nobody has for a checkInterval. Files are
// compared by content, not by time, size or inode: they are small, and a file written twice within the granularity of
// its time, a rename, and a swapped symbolic link are then all the same.
type source[T any] struct {
	what   string // for the log
	files  []string
	parse  func(contents [][]byte) (*T, error)
	now    func() time.Time
	logger *slog.Logger

	current atomic.Pointer[T]

	mu      sync.Mutex
	checked time.Time
	tried   [sha256.Size]byte // what was read when the files were last looked at
	failed  bool              // whether it couldn't be used
}

// newSource reads the files for the first time; whatever is wrong with them is an error.
func newSource[T any](what string, files []string, parse func([][]byte) (*T, error), now func() time.Time,
	logger *slog.Logger) (*source[T], error) {
	s := &source[T]{what: what, files: files, parse: parse, now: now, logger: logger, checked: now()}
	contents, sum, err := s.read()
	if err != nil {
		return nil, err
	}
	value, err := parse(contents)
	if err != nil {
		return nil, err
	}
	s.current.Store(value)
	s.tried = sum
	return s, nil
}

// get is the value of now. Nobody waits: while one caller looks at the files, the others get what was read before.
func (s *source[T]) get() *T {
	if s.mu.TryLock() {
		defer s.mu.Unlock()
		// A clock that was set back must not stop the checks.
		if now := s.now(); now.Sub(s.checked) >= checkInterval || now.Before(s.checked) {
			s.checked = now
			s.check()
		}
	}
	return s.current.Load()
}

// check is called with the lock held.
func (s *source[T]) check() {
	contents, sum, err := s.read()
	changed := sum != s.tried
	// What couldn't be used is tried again even if it hasn't changed: a certificate may become valid.
	if !changed && !s.failed {
		return
	}
	var value *T
	if err == nil {
		value, err = s.parse(contents)
	}
	s.tried, s.failed = sum, err != nil
	if err == nil {
		s.current.Store(value)
		s.logger.Info("TLS: "+s.what+" reloaded", "files", s.files)
	} else if changed {
		s.logger.Warn("TLS: "+s.what+" can't be used, the one loaded before stays in use", "files", s.files,
			"error", err)
	}
}

// read reads all files. The sum tells apart what can be read as well as how reading fails.
func (s *source[T]) read() (contents [][]byte, sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	for _, file := range s.files {
		content, readErr := readFile(file)
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

// newPairSource follows a certificate and its key. One without the other, as in the middle of a rotation, isn't used.
func newPairSource(certFile, keyFile string, usage x509.ExtKeyUsage, now func() time.Time,
	logger *slog.Logger) (*source[tls.Certificate], error) {
	parse := func(contents [][]byte) (*tls.Certificate, error) {
		pair, err := parsePair(certFile, keyFile, contents[0], contents[1])
		if err != nil {
			return nil, err
		}
		if err := checkTime(pair.Leaf, now()); err != nil {
			return nil, fmt.Errorf("%s: the certificate %w", certFile, err)
		}
		if err := checkUsage(pair.Leaf, usage); err != nil {
			return nil, fmt.Errorf("%s: %w", certFile, err)
		}
		return pair, nil
	}
	return newSource("certificate", []string{certFile, keyFile}, parse, now, logger)
}

// newBundleSource follows a file of trusted certificates.
func newBundleSource(file string, now func() time.Time, logger *slog.Logger) (*source[x509.CertPool], error) {
	parse := func(contents [][]byte) (*x509.CertPool, error) {
		pool, err := parseBundle(contents[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return pool, nil
	}
	return newSource("CA bundle", []string{file}, parse, now, logger)
}

// checkUsage refuses a certificate that every peer would refuse. One without extended usages may be used for all.
func checkUsage(certificate *x509.Certificate, usage x509.ExtKeyUsage) error {
	if len(certificate.ExtKeyUsage)+len(certificate.UnknownExtKeyUsage) == 0 ||
		slices.Contains(certificate.ExtKeyUsage, usage) ||
		slices.Contains(certificate.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return nil
	}
	role := "server"
	if usage == x509.ExtKeyUsageClientAuth {
		role = "client"
	}
	return fmt.Errorf("the certificate is not for a TLS %s (its extended key usage)", role)
}

func loggerOr(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return logger
}
