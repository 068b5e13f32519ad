package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// completed are the settings of a serve command line.
func completed(t *testing.T, args ...string) (*settings, error) {
	t.Helper()
	var grammar cli
	parser, problems := testParser(t, &grammar)
	ctx, err := parser.Parse(append([]string{"serve"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	problems.selectFlags(ctx)
	c := &grammar.Serve
	s := &settings{common: c.common, serverSettings: &c.serverSettings, gatewaySettings: &c.gatewaySettings, issuerSettings: &c.issuerSettings}
	return s, s.complete(problems)
}

func TestAddresses(t *testing.T) {
	for name, test := range map[string]struct {
		args              []string
		grpc, http, admin string
		wrong             string // the flag that is refused
	}{
		"default":                     {grpc: ":50051", http: ":8443", admin: "127.0.0.1:9090"},
		"plaintext":                   {args: []string{"--tls=off"}, grpc: "127.0.0.1:50051", http: "127.0.0.1:8443", admin: "127.0.0.1:9090"},
		"no authentication":           {args: []string{"--auth=off"}, grpc: "127.0.0.1:50051", http: "127.0.0.1:8443", admin: "127.0.0.1:9090"},
		"given":                       {args: []string{"--grpc-listen=:1", "--http-listen=h:2", "--admin-listen=off"}, grpc: ":1", http: "h:2", admin: "off"},
		"loopback, other address":     {args: []string{"--tls=off", "--http-listen=127.9.9.9:1"}, grpc: "127.0.0.1:50051", http: "127.9.9.9:1", admin: "127.0.0.1:9090"},
		"loopback, IPv6":              {args: []string{"--auth=off", "--http-listen=[::1]:1"}, grpc: "127.0.0.1:50051", http: "[::1]:1", admin: "127.0.0.1:9090"},
		"loopback, by name":           {args: []string{"--auth=off", "--http-listen=LocalHost:1"}, grpc: "127.0.0.1:50051", http: "LocalHost:1", admin: "127.0.0.1:9090"},
		"every interface":             {args: []string{"--tls=off", "--grpc-listen=:1"}, wrong: "--grpc-listen"},
		"every interface, IPv6":       {args: []string{"--auth=off", "--grpc-listen=[::]:1"}, wrong: "--grpc-listen"},
		"another machine's name":      {args: []string{"--auth=off", "--http-listen=localhost.example.com:1"}, wrong: "--http-listen"},
		"an address that looks alike": {args: []string{"--auth=off", "--http-listen=128.0.0.1:1"}, wrong: "--http-listen"},
		"no port":                     {args: []string{"--http-listen=localhost"}, wrong: "--http-listen"},
		"port out of range":           {args: []string{"--admin-listen=:65536"}, wrong: "--admin-listen"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := completed(t, test.args...)
			if test.wrong != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.wrong+": ") {
					t.Errorf("got %v, want an error about %s", err, test.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.GRPC.GRPCListen != test.grpc || s.HTTP.HTTPListen != test.http || s.Admin.AdminListen != test.admin {
				t.Errorf("got %s, %s, %s", s.GRPC.GRPCListen, s.HTTP.HTTPListen, s.Admin.AdminListen)
			}
		})
	}
}

func TestWrongSettings(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string // prefix of the only error
	}{
		"certificate without key":  {[]string{"--tls-cert=a"}, "--tls-cert: "},
		"key without certificate":  {[]string{"--tls-key=a"}, "--tls-cert: "},
		"certificate in plaintext": {[]string{"--tls=off", "--tls-cert=a", "--tls-key=a"}, "--tls-cert: "},
		"old TLS":                  {[]string{"--tls-min-version=1.1"}, `--tls-min-version: "1.1" is not one of 1.3, 1.2`},
		"log level":                {[]string{"--log-level=loud"}, "--log-level: "},
		"unknown version":          {[]string{"--api-versions=v2,v3"}, `--api-versions: "v3"`},
		"without v2":               {[]string{"--api-versions=v1"}, "--api-versions: v2 can't"},
		"currency":                 {[]string{"--v1-currency=usd"}, "--v1-currency: "},
		"location in two lines":    {[]string{"--v1-location=a\nb"}, "--v1-location: "},
		"not a date":               {[]string{"--v1-sunset=tomorrow"}, "--v1-sunset: "},
		"sunset before":            {[]string{"--v1-deprecation=2030-01-02", "--v1-sunset=2030-01-01T00:00:00Z"}, "--v1-sunset: lies before"},
		"successor":                {[]string{"--v1-successor=javascript:x"}, "--v1-successor: "},
		"successor with a bracket": {[]string{"--v1-successor=https://h/>;x"}, "--v1-successor: "},
		"database":                 {[]string{"--database-url=mysql://h"}, "--database-url: "},
		"database without a name":  {[]string{"--database-url=postgres://me:secret@h"}, "--database-url: names no database"},
		"database, not a URL":      {[]string{"--database-url=postgres://me:se cret%zz@h/d"}, "--database-url: is no URL"},
		"database, way of TLS":     {[]string{"--database-url=postgres://me:secret@h/d?sslmode=maybe"}, "--database-url: can't be used"},
		"no connections":           {[]string{"--database-connections=0"}, "--database-connections: 0 is not between"},
		"no time for statements":   {[]string{"--database-timeout=0s"}, "--database-timeout: 0s is not between"},
		"pooler of nothing":        {[]string{"--database-pooler=transaction"}, "--database-pooler: would not be used"},
		"no body at all":           {[]string{"--max-body-bytes=0"}, "--max-body-bytes: 0 is not between"},
		"number too large":         {[]string{"--max-concurrent-streams=4294967296"}, "--max-concurrent-streams: "},
		"number without unit":      {[]string{"--shutdown-timeout=10"}, "--shutdown-timeout: "},
		"audience of nobody":       {[]string{"--jwt-audience="}, "--jwt-audience: "},
		"keys of no issuer":        {[]string{"--jwt-jwks-file=a"}, "--jwt-issuer: "},
		"issuer in plaintext":      {[]string{"--jwt-issuer=http://login.example.com"}, "--jwt-issuer: "},
		"two places of keys":       {[]string{"--jwt-issuer=https://a.example", "--jwt-jwks-file=a", "--jwt-jwks-url=https://a.example/keys"}, "--jwt-jwks-file: "},
		"endless clock skew":       {[]string{"--jwt-clock-skew=1h"}, "--jwt-clock-skew: "},
		"introspection by nobody":  {[]string{"--introspection-url=https://a.example"}, "--introspection-client: "},
		"authority of no issuer":   {[]string{"--oauth-ca=a"}, "--oauth-ca: "},
		"tenant in capitals":       {[]string{"--oauth-tenant=ACME"}, "--oauth-tenant: "},
		"no claim for the subject": {[]string{"--subject-claim="}, "--subject-claim: "},
		"no claim for the scopes":  {[]string{"--scope-claim="}, "--scope-claim: "},
		"no claim for the tenant":  {[]string{"--tenant-claim="}, "--tenant-claim: "},
		"callers for nobody":       {[]string{"--auth=off", "--tls=off", "--htpasswd-file=a"}, "--htpasswd-file: "},
		"issuer in the open":       {[]string{"--auth=off", "--tls=off", "--dev-issuer"}, "--dev-issuer: "},
		"tokens of no issuer":      {[]string{"--dev-issuer-token-ttl=1m"}, "--dev-issuer-token-ttl: "},
		"endless delay":            {[]string{"--shutdown-delay=1h"}, "--shutdown-delay: "},
		"wildcard origin":          {[]string{"--cors-origins=*"}, `--cors-origins: "*" has a wildcard`},
		"origin with a path":       {[]string{"--cors-origins=https://a.example,https://b.example/"}, `--cors-origins: "https://b.example/" is not an origin`},
		"no origin":                {[]string{"--cors-origins=null"}, `--cors-origins: "null" is not`},
		"no connection":            {[]string{"--max-connections=0"}, "--max-connections: "},
		"hardly any memory":        {[]string{"--memory-limit=1MiB"}, "--memory-limit: "},
		"memory in words":          {[]string{"--memory-limit=much"}, "--memory-limit: "},
		"negative rate":            {[]string{"--rate-limit=-1"}, "--rate-limit: "},
		"rate that is no number":   {[]string{"--rate-limit=NaN"}, "--rate-limit: "},
		"burst of nothing":         {[]string{"--rate-burst=5"}, "--rate-burst: "},
		"no age":                   {[]string{"--max-connection-age=0s"}, "--max-connection-age: "},
		"no grace":                 {[]string{"--max-connection-age-grace=0s"}, "--max-connection-age-grace: "},
		"never idle":               {[]string{"--max-connection-idle=0s"}, "--max-connection-idle: "},
		"endless keepalive":        {[]string{"--keepalive-interval=48h"}, "--keepalive-interval: "},
		"no keepalive timeout":     {[]string{"--keepalive-timeout=0s"}, "--keepalive-timeout: "},
		"pings at any time":        {[]string{"--min-ping-interval=0s"}, "--min-ping-interval: "},
		"bool":                     {[]string{"--reflection=perhaps"}, "--reflection: "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := completed(t, test.args...)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n--") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	s, err := completed(t, "--cors-origins=https://a.example,http://localhost:3000", "--cors-origins=https://b.example")
	if want := []string{"https://a.example", "http://localhost:3000", "https://b.example"}; err != nil || !reflect.DeepEqual(s.HTTP.CORSOrigins, want) {
		t.Errorf("got %q, %v", s.HTTP.CORSOrigins, err)
	}
	_, err = completed(t, "--cors-origins=https://*.example,null", "--cors-origins=app.example.com")
	if err == nil || strings.Count(err.Error(), "--cors-origins: ") != 3 {
		t.Errorf("not every wrong one is told: %v", err)
	}
}

func TestVariables(t *testing.T) {
	t.Run("a bad one", func(t *testing.T) {
		t.Setenv("ORDERMANAGEMENT_MAX_BODY_BYTES", "many")
		if _, err := completed(t); err == nil || !strings.HasPrefix(err.Error(), "--max-body-bytes: ") {
			t.Errorf("got %v", err)
		}
		if _, err := completed(t, "--max-body-bytes=7"); err != nil {
			t.Errorf("the flag doesn't win: %v", err)
		}
	})
	t.Run("of another command", func(t *testing.T) {
		t.Setenv("ORDERMANAGEMENT_SERVER_NAME", "x")
		t.Setenv("ORDERMANAGEMENT_PORT_50051_TCP", "tcp://10.0.0.1:50051") // as Kubernetes sets it for a service of this name
		if _, err := completed(t); err != nil {
			t.Error(err)
		}
	})
	t.Run("that names the file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "x.yaml")
		writeTestFile(t, file, "tls: off # no boolean here\napi-versions: [v2]\nserver-address: for the gateway\n")
		t.Setenv("ORDERMANAGEMENT_CONFIG", file)
		s, err := completed(t)
		if err != nil || s.TLS.TLS != off || !reflect.DeepEqual(s.Versions.APIVersions, []string{"v2"}) {
			t.Errorf("got %+v, %v", s.TLS, err)
		}
	})
}
