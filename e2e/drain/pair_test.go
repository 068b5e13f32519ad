package drain

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health" // clients watch the health of servers
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"ordermanagement/client"
	"ordermanagement/e2e/process"
)

// patience bounds every wait for what should happen soon.
const patience = 30 * time.Second

// balanced spreads calls over all servers that say they serve. It has no policy of retries: a call that fails has failed.
const balanced = `{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}`

// pair is two servers that take the same callers. The embedded database has one process, so each has its own.
type pair struct {
	servers [2]*process.Service
	token   string
	tls     *tls.Config
}

func startPair(t *testing.T, args ...string) *pair {
	t.Helper()
	p := &pair{tls: &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}}
	args = append(args, "--sample-data", "--log-level=warn")
	for i := range p.servers {
		s := program.Start(t, process.Config{Args: args})
		p.servers[i] = s
		if i == 0 {
			p.token = s.Token(t)
			args = append(args, "--tokens-file="+filepath.Join(s.DataDir, "tokens"), "--callers-file="+filepath.Join(s.DataDir, "callers.yaml"))
		}
		authority, err := os.ReadFile(s.CAFile())
		if err != nil || !p.tls.RootCAs.AppendCertsFromPEM(authority) {
			t.Fatalf("%s: %v", s.CAFile(), err)
		}
	}
	return p
}

// dial makes a connection to both servers, as the addresses of one name.
func (p *pair) dial(t *testing.T) *grpc.ClientConn {
	t.Helper()
	names := manual.NewBuilderWithScheme("pair")
	names.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: p.servers[0].GRPC}, {Addr: p.servers[1].GRPC}}})
	return p.connect(t, "pair:///servers", grpc.WithResolvers(names), grpc.WithDefaultServiceConfig(balanced))
}

func (p *pair) connect(t *testing.T, target string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := client.New(target, client.TLS(p.tls), client.Token(p.token), client.Dial(options...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// http makes a client that keeps its connections, of HTTP/1.1 or HTTP/2.
func (p *pair) http(t *testing.T, major int) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(major == 1)
	protocols.SetHTTP2(major == 2)
	transport := &http.Transport{TLSClientConfig: p.tls.Clone(), Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// ready says whether a server reports that it is, as a load balancer asks.
func ready(s *process.Service) bool {
	probe := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := probe.Get("http://" + s.Admin + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// until polls for something that should happen soon.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !happened(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
