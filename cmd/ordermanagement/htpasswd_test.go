package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"ordermanagement/internal/auth"
)

func TestHtpasswd(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	code, stdout, stderr := runHere(t, "", "htpasswd", "ann", "--data-dir="+data, "--tenant=acme", "--scopes=orders.read")
	password := strings.TrimSuffix(stdout, "\n")
	if code != exitOK || len(password) < 43 || strings.Contains(stderr, password) {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	caller, err := directoryOf(t, data).VerifyPassword(t.Context(), "ann", password, auth.Origin{})
	if err != nil || caller.Subject != "user:ann" || caller.Tenant != "acme" || !caller.Has("orders.read") || caller.Has("orders.write") {
		t.Errorf("got %+v, %v", caller, err)
	}
	if _, err := callerOf(t, data, developmentTokenOf(t, data)); err != nil {
		t.Errorf("the development token: %v", err)
	}

	// The password of the book's clients, and another user's beside it.
	for _, name := range []string{"admin", "ann"} {
		code, stdout, stderr = runHere(t, "admin\r\n", "htpasswd", name, "--data-dir="+data, "--scopes=orders.read", "--value=-")
		if code != exitOK || stdout != "" || strings.Contains(stderr, "admin") {
			t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
		}
	}
	directory := directoryOf(t, data)
	for _, name := range []string{"admin", "ann"} {
		if caller, err := directory.VerifyPassword(t.Context(), name, "admin", auth.Origin{}); err != nil || caller.Subject != "user:"+name {
			t.Errorf("got %+v, %v", caller, err)
		}
	}
	if _, err := directory.VerifyPassword(t.Context(), "ann", password, auth.Origin{}); err == nil {
		t.Error("the old password of ann still opens")
	}
	if info, err := os.Stat(filepath.Join(data, "htpasswd")); err != nil || info.Mode() != 0o600 {
		t.Errorf("htpasswd: %v, %v", info.Mode(), err)
	}
}

func TestHtpasswdPrint(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	code, stdout, stderr := runHere(t, "", "htpasswd", "ann", "--data-dir="+data, "--value=secret", "--print")
	hash, ok := strings.CutPrefix(strings.TrimSuffix(stderr, "\n"), "ann:")
	if code != exitOK || stdout != "" || !ok || bcrypt.CompareHashAndPassword([]byte(hash), []byte("secret")) != nil {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("a file was made")
	}
}

func TestHtpasswdRefuses(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if code, _, stderr := runHere(t, "", "htpasswd", "ann", "--data-dir="+data, "--scopes=orders.read"); code != exitOK {
		t.Fatal(stderr)
	}
	before := contentOf(t, data, "htpasswd", "callers.yaml")
	for name, test := range map[string]struct {
		args  []string
		stdin string
		code  int
		want  string
	}{
		"bad name":           {args: []string{"a:b", "--scopes=orders.read"}, code: exitUsage, want: "name"},
		"no scopes":          {args: []string{"new"}, code: exitFailed, want: "--scopes"},
		"unknown scope":      {args: []string{"new", "--scopes=orders.raed"}, code: exitFailed, want: "orders.raed"},
		"other tenant":       {args: []string{"ann", "--tenant=acme"}, code: exitFailed, want: "already"},
		"empty password":     {args: []string{"ann", "--value=-"}, code: exitUsage, want: "UTF-8 text"},
		"several lines":      {args: []string{"ann", "--value=-"}, stdin: "a\nb\n", code: exitUsage, want: "control"},
		"password too long":  {args: []string{"ann", "--value=" + strings.Repeat("x", 73)}, code: exitUsage, want: "72"},
		"password too long-": {args: []string{"ann", "--value=-"}, stdin: strings.Repeat("x", 1<<16), code: exitUsage, want: "72"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runHere(t, test.stdin, append([]string{"htpasswd", "--data-dir=" + data}, test.args...)...)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, %q, %q; want %d and %q", code, stdout, stderr, test.code, test.want)
			}
			if contentOf(t, data, "htpasswd", "callers.yaml") != before {
				t.Error("a file was changed")
			}
		})
	}
}

// TestRunningServerTakesUsers adds the first user, changes the password and takes the user out while the service runs.
func TestRunningServerTakesUsers(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	c := serveOn(t, dir, "serve", "--tls=off")
	const first, second = "first password", "second password"
	expectStatus(t, c, first, http.StatusUnauthorized)
	for _, password := range []string{first, second} {
		if code, _, stderr := runHere(t, password, "htpasswd", "ann", "--data-dir="+data, "--scopes=orders.read", "--value=-"); code != exitOK {
			t.Fatal(stderr)
		}
		expectStatus(t, c, password, http.StatusOK)
	}
	expectStatus(t, c, first, http.StatusUnauthorized)
	if err := os.Remove(filepath.Join(data, "htpasswd")); err != nil {
		t.Fatal(err)
	}
	expectStatus(t, c, second, http.StatusUnauthorized)
}

// expectStatus waits until listing orders with the password of ann is answered so.
func expectStatus(t *testing.T, c *child, password string, want int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.address("http-listen")+"/v2/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("ann", password)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the status stays %d, want %d", response.StatusCode, want)
		}
		time.Sleep(20 * time.Millisecond) // between polls
	}
}

func contentOf(t *testing.T, data string, names ...string) string {
	t.Helper()
	var all strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
