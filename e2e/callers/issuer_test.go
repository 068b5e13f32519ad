package callers_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ordermanagement/e2e/process"
)

// curl calls a URL of the service as its README does, and answers the body with the status on a line after it.
func curl(t *testing.T, s *process.Service, path string, args ...string) (status, body string) {
	t.Helper()
	var out, problems bytes.Buffer
	command := exec.CommandContext(t.Context(), "curl", append([]string{
		"--silent", "--show-error", "--max-time", "10", "--cacert", s.CAFile(), "--write-out", "\n%{http_code}", s.URL(path),
	}, args...)...)
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		t.Fatalf("curl %s: %v: %s", path, err, &problems)
	}
	end := strings.LastIndex(out.String(), "\n")
	return out.String()[end+1:], out.String()[:end]
}

// issued gets a token with the client of the data directory.
func issued(t *testing.T, s *process.Service, args ...string) (token string) {
	t.Helper()
	client, err := os.ReadFile(filepath.Join(s.DataDir, "client"))
	if err != nil {
		t.Fatal(err)
	}
	status, body := curl(t, s, "/issuer/token", append([]string{"--user", strings.TrimSpace(string(client)), "--data", "grant_type=client_credentials"}, args...)...)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != "200" || answer.AccessToken == "" {
		t.Fatalf("got %s, %s", status, body)
	}
	return answer.AccessToken
}

// TestIssuer is the whole story of OAuth 2.0 with curl alone: a token from the issuer, an order made with it, a refusal for
// want of the scope, and one after the token has expired.
func TestIssuer(t *testing.T) {
	const life = 3 * time.Second
	s := program.Start(t, process.Config{Command: "serve", Args: []string{"--dev-issuer", "--dev-issuer-token-ttl=" + life.String()}})
	token := issued(t, s)
	begun := time.Now()
	bearer := []string{"--header", "Authorization: Bearer " + token}
	if status, body := curl(t, s, "/v1/orders", append(bearer, "--data", `{"id":"a","items":["Pen"],"price":1}`)...); status != "200" || !strings.Contains(body, "Order Added: a") {
		t.Errorf("an order: got %s, %s", status, body)
	}
	reader := []string{"--header", "Authorization: Bearer " + issued(t, s, "--data", "scope=orders.read")}
	if status, body := curl(t, s, "/v1/orders", append(reader, "--data", `{"id":"b","items":["Pen"],"price":1}`)...); status != "403" || !strings.Contains(body, `"scope":"orders.write"`) {
		t.Errorf("without the scope: got %s, %s", status, body)
	}
	if status, body := curl(t, s, "/v1/orders/a", reader...); status != "200" && time.Since(begun) < life {
		t.Errorf("with the scope: got %s, %s", status, body)
	}
	deadline := begun.Add(life + 10*time.Second)
	for status := ""; status != "401"; {
		if time.Now().After(deadline) {
			t.Fatalf("a token that lives for %s is taken after %s: %s", life, time.Since(begun), status)
		}
		status, _ = curl(t, s, "/v1/orders/a", bearer...)
		if early := time.Since(begun) < life-time.Second; early && status != "200" { // the claim has whole seconds
			t.Fatalf("a token that lives for %s is refused after %s: %s", life, time.Since(begun), status)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// TestOpaqueTokens asks the issuer about tokens that say nothing themselves.
func TestOpaqueTokens(t *testing.T) {
	issuer := program.Start(t, process.Config{Command: "serve", Args: []string{"--dev-issuer"}})
	client, err := os.ReadFile(filepath.Join(issuer.DataDir, "client"))
	if err != nil {
		t.Fatal(err)
	}
	id, secret, _ := strings.Cut(strings.TrimSpace(string(client)), ":")
	s := program.Start(t, process.Config{Command: "serve", Args: []string{
		"--introspection-url=" + issuer.URL("/issuer/introspect"), "--introspection-client=" + filepath.Join(issuer.DataDir, "client"), "--oauth-ca=" + issuer.CAFile(),
	}})
	status, body := curl(t, issuer, "/issuer/token", "--user", id+"-opaque:"+secret, "--data", "grant_type=client_credentials&scope=orders.read")
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != "200" || strings.Count(answer.AccessToken, ".") == 2 {
		t.Fatalf("got %s, %s", status, body)
	}
	bearer := []string{"--header", "Authorization: Bearer " + answer.AccessToken}
	if status, body := curl(t, s, "/v2/orders", bearer...); status != "200" {
		t.Errorf("got %s, %s", status, body)
	}
	if status, body := curl(t, s, "/v1/orders", append(bearer, "--data", `{"id":"b","items":["Pen"],"price":1}`)...); status != "403" {
		t.Errorf("without the scope: got %s, %s", status, body)
	}
	if status, body := curl(t, s, "/v2/orders", "--header", "Authorization: Bearer "+answer.AccessToken+"x"); status != "401" {
		t.Errorf("another token: got %s, %s", status, body)
	}
}
