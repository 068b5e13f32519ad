package auth_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/bcrypt"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/follow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// operator writes the files of a directory and moves its clock.
type operator struct {
	t     testing.TB
	files auth.Files
	mu    sync.Mutex
	now   time.Time
	log   strings.Builder
}

func newOperator(t testing.TB) *operator {
	dir := t.TempDir()
	return &operator{t: t, now: time.Now(), files: auth.Files{
		Callers: filepath.Join(dir, "callers.yaml"), Tokens: filepath.Join(dir, "tokens"), Htpasswd: filepath.Join(dir, "htpasswd"),
	}}
}

func (o *operator) write(path string, lines ...string) {
	o.t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o *operator) writeAll(callers, tokens, htpasswd string) {
	o.t.Helper()
	o.write(o.files.Callers, callers)
	o.write(o.files.Tokens, tokens)
	o.write(o.files.Htpasswd, htpasswd)
}

func (o *operator) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *operator) wait(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

// reload lets so much time pass that changed files count.
func (o *operator) reload() { o.wait(follow.Interval) }

func (o *operator) open() (*auth.Directory, *auth.Methods) {
	o.t.Helper()
	directory, err := auth.NewDirectory(o.files, auth.DirectoryOptions{Now: o.clock})
	if err != nil {
		o.t.Fatal(err)
	}
	return directory, &auth.Methods{Tokens: []auth.TokenVerifier{directory}, Passwords: directory, Certificates: directory}
}

func tokenLine(t *testing.T, name, token string) string {
	t.Helper()
	line, err := auth.TokenLine(name, token)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// hash is a bcrypt hash that is quick to check.
func hash(t *testing.T, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// refusal is how an error refuses: "kind cause", empty for none.
func refusal(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var refused *auth.Refusal
	if !errors.As(err, &refused) {
		t.Fatalf("not a refusal: %v", err)
	}
	return string(refused.Kind) + " " + string(refused.Cause)
}
