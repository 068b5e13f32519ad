package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/auth"
)

// runHere runs a command in this process.
func runHere(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &log)
	return code, out.String(), log.String()
}

// callerOf is who a token is by the files of a data directory.
func callerOf(t *testing.T, data, token string) (auth.Caller, error) {
	t.Helper()
	return directoryOf(t, data).VerifyToken(t.Context(), token, auth.Origin{})
}

func directoryOf(t *testing.T, data string) *auth.Directory {
	t.Helper()
	directory, err := auth.NewDirectory(newCallerFiles(data, callerFileSettings{}).Files, auth.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

func TestToken(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	code, stdout, stderr := runHere(t, "", "token", "ci", "--data-dir="+data, "--tenant=acme", "--scopes=orders.read,orders.write")
	token := strings.TrimSuffix(stdout, "\n")
	if code != exitOK || len(token) < 43 {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	caller, err := callerOf(t, data, token)
	if err != nil || caller.Tenant != "acme" || !caller.Has("orders.write") || caller.Has("products.read") {
		t.Errorf("got %+v, %v", caller, err)
	}
	if strings.Contains(stderr, token) {
		t.Error("the token is shown twice")
	}
	if _, err := callerOf(t, data, developmentTokenOf(t, data)); err != nil {
		t.Errorf("the development token: %v", err)
	}

	// A second token of the same caller, which is not said again.
	code, stdout, stderr = runHere(t, "", "token", "ci", "--data-dir="+data)
	if again, err := callerOf(t, data, strings.TrimSpace(stdout)); code != exitOK || err != nil || again.Tenant != "acme" {
		t.Errorf("exit code %d, %+v, %v, %s", code, again, err, stderr)
	}
	if _, err := callerOf(t, data, token); err != nil {
		t.Errorf("the first token: %v", err)
	}

	// The token that clients of the book have.
	code, stdout, stderr = runHere(t, "some-secret-token\n", "token", "book", "--data-dir="+data, "--scopes=orders.read", "--value=-")
	if code != exitOK || stdout != "" || strings.Contains(stderr, "some-secret-token") {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if caller, err := callerOf(t, data, "some-secret-token"); err != nil || caller.Tenant != auth.DefaultTenant {
		t.Errorf("got %+v, %v", caller, err)
	}
	for _, name := range []string{"tokens", "callers.yaml", "token"} {
		if info, err := os.Stat(filepath.Join(data, name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestTokenPrint(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	code, stdout, stderr := runHere(t, "", "token", "ci", "--data-dir="+data, "--value=abc", "--print")
	// The SHA-256 of "abc" (FIPS 180-2, B.1).
	if code != exitOK || stdout != "" || stderr != "ci:sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n" {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	code, _, stderr = runHere(t, "", "token", "ci", "--data-dir="+data, "--value=abc", "--print", "--scopes=orders.read", "--tenant=acme")
	if want := "callers:\n  - token: ci\n    tenant: acme\n    scopes: [orders.read]\n"; code != exitOK || !strings.HasSuffix(stderr, "15ad\n"+want) {
		t.Errorf("with a new caller: exit code %d, %q", code, stderr)
	}
	if _, err := os.Stat(data); err == nil {
		t.Error("a file was made")
	}
}

func TestTokenRefuses(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if code, _, stderr := runHere(t, "", "token", "ci", "--data-dir="+data, "--scopes=orders.read"); code != exitOK {
		t.Fatal(stderr)
	}
	before := contentOf(t, data, "tokens", "callers.yaml")
	for name, test := range map[string]struct {
		args  []string
		stdin string
		code  int
		want  string
	}{
		"bad name":            {args: []string{"a:b", "--scopes=orders.read"}, code: exitUsage, want: "name"},
		"no scopes":           {args: []string{"new"}, code: exitFailed, want: "--scopes"},
		"unknown scope":       {args: []string{"new", "--scopes=orders.raed"}, code: exitFailed, want: "orders.raed"},
		"bad tenant":          {args: []string{"new", "--scopes=orders.read", "--tenant=A B"}, code: exitFailed, want: "tenant must be"},
		"other scopes":        {args: []string{"ci", "--scopes=orders.write"}, code: exitFailed, want: "already"},
		"other tenant":        {args: []string{"ci", "--tenant=acme"}, code: exitFailed, want: "already"},
		"same token twice":    {args: []string{"ci", "--value=" + developmentTokenOf(t, data)}, code: exitFailed, want: "earlier line"},
		"token with a space":  {args: []string{"ci", "--value=a b"}, code: exitUsage, want: "RFC 6750"},
		"no token":            {args: []string{"ci", "--value="}, code: exitUsage, want: "RFC 6750"},
		"empty token":         {args: []string{"ci", "--value=-"}, code: exitUsage, want: "RFC 6750"},
		"token of two lines":  {args: []string{"ci", "--value=-"}, stdin: "a\nb\n", code: exitUsage, want: "RFC 6750"},
		"token without limit": {args: []string{"ci", "--value=-"}, stdin: strings.Repeat("a", auth.MaxTokenBytes+1), code: exitUsage, want: "8192"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runHere(t, test.stdin, append([]string{"token", "--data-dir=" + data}, test.args...)...)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, %q, %q; want %d and %q", code, stdout, stderr, test.code, test.want)
			}
			if contentOf(t, data, "tokens", "callers.yaml") != before {
				t.Error("a file was changed")
			}
		})
	}
}
