package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"ordermanagement/certs"
	"ordermanagement/internal/atomicfile"
	"ordermanagement/internal/auth"
	"ordermanagement/internal/devissuer"
	"ordermanagement/internal/follow"
)

const (
	directoryMode fs.FileMode = 0o700
	fileMode      fs.FileMode = 0o600

	databaseName = "orders.db"

	pageTokenKeyBytes = 32

	// lockWait is how long to wait for another process that makes files in the same data directory.
	lockWait  = 10 * time.Second
	lockRetry = 20 * time.Millisecond
)

// files is what a process uses of the disk.
type files struct {
	database     string
	tls          *tls.Config     // of the listeners; nil for plaintext
	ca           string          // authority of the listeners' certificate, if it is the development one
	directory    *auth.Directory // of callers; nil without authentication
	token        string          // file with the development token, if there is one
	pageTokenKey []byte          // nil while it is only in the database
	issuer       issuerFiles     // for development; empty if there is none

	serverCA, gatewayCert, gatewayKey string // of a gateway in a process of its own
}

// ensureFiles reads the files that the settings name, and makes those of the data directory that are missing. What is
// named and can't be used fails before anything is made.
func ensureFiles(s *settings, hosts []string, log *slog.Logger) (*files, error) {
	dir := s.Data.DataDir
	f := &files{database: filepath.Join(dir, databaseName)}
	if err := f.readNamed(s, log); err != nil {
		return nil, err
	}
	unlock, err := lockDirectory(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()

	if err := f.ensureCertificates(s, hosts, log); err != nil {
		return nil, err
	}
	if s.serverSettings == nil {
		// The server's, if it is on this machine: only to show how it is used.
		if token := filepath.Join(dir, developmentTokenFile); isFile(token) {
			f.token = token
		}
		return f, nil
	}
	if err := f.ensureDirectory(s, log); err != nil {
		return nil, err
	}
	if s.issuerSettings != nil && s.Issuer.DevIssuer {
		if f.issuer.key, f.issuer.client, err = devissuer.EnsureFiles(dir); err != nil {
			return nil, err
		}
	}
	if f.pageTokenKey == nil && s.Database.DatabaseURL == "" {
		f.pageTokenKey, err = ensurePageTokenKey(filepath.Join(dir, "page-token.key"))
	}
	return f, err
}

// readNamed reads the files that the settings name.
func (f *files) readNamed(s *settings, log *slog.Logger) (err error) {
	if s.tls() && s.TLS.TLSCert != "" {
		if f.tls, err = listenerTLS(s.TLS.TLSCert, s.TLS.TLSKey, s.TLS, log); err != nil {
			return fmt.Errorf("--tls-cert, --tls-key, --client-ca: %w", err)
		}
	}
	if s.serverSettings == nil {
		return nil
	}
	if c := newCallerFiles(s.Data.DataDir, s.Auth.callerFileSettings); s.Auth.Auth == on && c.development == "" {
		directory, err := auth.NewDirectory(c.Files, auth.DirectoryOptions{Logger: log})
		if err != nil {
			return fmt.Errorf("--tokens-file, --callers-file, --htpasswd-file: %w", err)
		}
		f.directory = directory
	}
	if s.Auth.Auth == on && s.Auth.HtpasswdFile != "" {
		// Whether its users are callers is known when the data directory has a callers file.
		if _, err := follow.Read(s.Auth.HtpasswdFile); err != nil {
			return fmt.Errorf("--htpasswd-file: %w", err)
		}
	}
	if s.Auth.PageTokenKey != "" {
		if f.pageTokenKey, err = readPageTokenKey(s.Auth.PageTokenKey); err != nil {
			return fmt.Errorf("--page-token-key: %w", err)
		}
	}
	return nil
}

// lockDirectory makes the data directory and keeps other processes from making files in it at the same time.
func lockDirectory(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, directoryMode); err != nil {
		return nil, fmt.Errorf("data directory: %w; choose another one with --data-dir", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return nil, fmt.Errorf("data directory: everybody may write to %s, and so replace the keys in it; chmod o-w it", dir)
	}
	lock := flock.New(filepath.Join(dir, ".lock"), flock.SetPermissions(fileMode))
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return nil, fmt.Errorf("data directory: %w; make it writable for this user, or choose another one with --data-dir", err)
	}
	return func() { _ = lock.Close() }, nil // the system gives the lock back when the process ends, at the latest
}

// ensureCertificates makes the development certificates, if any of them is used.
func (f *files) ensureCertificates(s *settings, hosts []string, log *slog.Logger) error {
	if !s.tls() {
		return nil
	}
	if u := s.upstreamSettings; u != nil {
		f.serverCA, f.gatewayCert, f.gatewayKey = u.Upstream.ServerCA, u.Upstream.GatewayCert, u.Upstream.GatewayKey
	}
	if f.tls != nil && (s.upstreamSettings == nil || f.serverCA != "" && f.gatewayCert != "") {
		return nil
	}
	made, err := certs.EnsureDevelopment(s.Data.DataDir, certs.DevelopmentOptions{Hosts: hosts, Logger: log})
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if f.serverCA == "" {
		f.serverCA = made.CAFile
	}
	if f.gatewayCert == "" {
		f.gatewayCert, f.gatewayKey = made.GatewayCertFile, made.GatewayKeyFile
	}
	if f.tls != nil {
		return nil
	}
	f.ca = made.CAFile
	if f.tls, err = listenerTLS(made.ServerCertFile, made.ServerKeyFile, s.TLS, log); err != nil && s.TLS.ClientCA != "" {
		return fmt.Errorf("--client-ca, or certificates of the data directory: %w", err)
	}
	return err
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// listenerTLS is the TLS configuration of both listeners; it follows its files.
func listenerTLS(cert, key string, s tlsSettings, log *slog.Logger) (*tls.Config, error) {
	return certs.ServerConfig(certs.ServerOptions{
		CertFile: cert, KeyFile: key, ClientCAFile: s.ClientCA, ClientAuth: certs.ClientAuth(s.ClientAuth), MinVersion: minVersion(s), Logger: log,
	})
}

func minVersion(s tlsSettings) uint16 {
	if s.TLSMinVersion == tls12 {
		return tls.VersionTLS12
	}
	return tls.VersionTLS13
}

// ensureDirectory reads the callers' files of the data directory, and makes them when they are missing.
func (f *files) ensureDirectory(s *settings, log *slog.Logger) error {
	if s.Auth.Auth == off || f.directory != nil {
		return nil
	}
	c := newCallerFiles(s.Data.DataDir, s.Auth.callerFileSettings)
	if err := c.ensure(log); err != nil {
		return err
	}
	directory, err := auth.NewDirectory(c.Files, auth.DirectoryOptions{Logger: log})
	if err != nil {
		return err
	}
	f.directory = directory
	token, err := readToken(c.development)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its owner has put it elsewhere
	}
	if err != nil {
		return err
	}
	if _, err := directory.VerifyToken(context.Background(), token, auth.Origin{}); err != nil {
		log.Warn("the token of the data directory is not let in; remove it, or add it with the token command", "file", c.development)
		return nil
	}
	f.token = c.development
	return nil
}

// ensurePageTokenKey reads the key that seals page tokens, and makes it when it is missing.
func ensurePageTokenKey(path string) ([]byte, error) {
	key, err := readPageTokenKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = newPageTokenKey()
		err = atomicfile.Replace(path, []byte(hex.EncodeToString(key)+"\n"), fileMode)
	}
	return key, err
}

func newPageTokenKey() []byte {
	key := make([]byte, pageTokenKeyBytes)
	rand.Read(key) // never fails (crypto/rand)
	return key
}

func readPageTokenKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != pageTokenKeyBytes {
		return nil, fmt.Errorf("%s does not hold %d hexadecimal digits; restore it, or remove it to have a new one made, which ends running lists", path, 2*pageTokenKeyBytes)
	}
	return key, nil
}
