package legacy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/e2e/process"
	"ordermanagement/internal/auth"
)

// What an operator starts for old clients.

func untouched(*testing.T) process.Config { return process.Config{} }

func open(*testing.T) process.Config { return process.Config{Open: true} }

// unauthenticated has TLS and doesn't ask who calls, which is for this machine only.
func unauthenticated(*testing.T) process.Config { return process.Config{Args: []string{"--auth=off"}} }

// withCallers lets the book's clients in: their token, their user, and a certificate of theirs.
func withCallers(t *testing.T) process.Config {
	t.Helper()
	dir, scopes := t.TempDir(), strings.Join(auth.AllScopes(), ",")
	callers := "callers:\n  - certificate: \"CN=client\"\n    tenant: default\n    scopes: [" + scopes + "]\n"
	if err := os.WriteFile(filepath.Join(dir, "callers.yaml"), []byte(callers), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{"token", "book", "--value=some-secret-token", "--scopes=" + scopes},
		{"htpasswd", "admin", "--value=admin", "--scopes=" + scopes},
		{"certs", "client", "client"},
	} {
		if code, output := program.Run(t, append(command, "--data-dir="+dir)...); code != 0 {
			t.Fatalf("%v: exit code %d\n%s", command, code, output)
		}
	}
	return process.Config{DataDir: dir}
}

// mutualTLS lets nobody in without a certificate.
func mutualTLS(t *testing.T) process.Config {
	t.Helper()
	config := withCallers(t)
	config.Args = []string{"--client-ca=" + filepath.Join(config.DataDir, "ca.crt"), "--client-auth=required"}
	return config
}

// How the client calls.

func plaintext(*testing.T, *process.Service) []string { return []string{"-plaintext"} }

// oneWayTLS expects the name in the server's certificate that the book's clients expect.
func oneWayTLS(_ *testing.T, service *process.Service) []string {
	return []string{"-ca=" + service.CAFile(), "-server-name=localhost"}
}

func ownToken(t *testing.T, service *process.Service) []string {
	return []string{"-ca=" + service.CAFile(), "-token=" + service.Token(t)}
}

func ownCertificate(t *testing.T, service *process.Service) []string {
	return append(oneWayTLS(t, service), "-cert="+filepath.Join(service.DataDir, "client.crt"), "-key="+filepath.Join(service.DataDir, "client.key"))
}

func basic(user string) func(*testing.T, *process.Service) []string {
	return func(t *testing.T, service *process.Service) []string {
		return append(oneWayTLS(t, service), "-basic="+user)
	}
}

func oauth2(token string) func(*testing.T, *process.Service) []string {
	return func(t *testing.T, service *process.Service) []string {
		return append(oneWayTLS(t, service), "-oauth2="+token)
	}
}
