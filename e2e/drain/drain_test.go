package drain

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pbv1 "ordermanagement/gen/ordermanagement/v1"
)

const (
	delay   = 4 * time.Second
	timeout = 8 * time.Second
	// slack is what stopping the rest may take on a busy machine.
	slack = 6 * time.Second
)

// A server is stopped under load, of which the other one then has all. Not one call fails.
func TestNoCallFails(t *testing.T) {
	p := startPair(t, fmt.Sprintf("--shutdown-delay=%v", delay), fmt.Sprintf("--shutdown-timeout=%v", timeout))
	l := startLoad(t, p)
	l.progress(t, 20)

	leaving := p.servers[0]
	straight := p.connect(t, leaving.GRPC) // as who knows nothing of the health
	long, err := pbv1.NewOrderManagementClient(straight).ProcessOrders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := long.Header(); err != nil {
		t.Fatal(err)
	}
	keepAlive := [3]*http.Client{1: p.http(t, 1), 2: p.http(t, 2)}
	for major := 1; major <= 2; major++ {
		response, err := p.send(t.Context(), keepAlive[major], 0, http.MethodGet, "/v1/orders/102", "")
		if err != nil || response.Close {
			t.Fatalf("HTTP/%d before: %v, %v", major, response, err)
		}
	}

	leaving.Terminate(t)
	began := time.Now()
	until(t, "/readyz says no", func() bool { return !ready(leaving) })
	checkDraining(t, p, keepAlive)
	if took := time.Since(began); took > delay {
		t.Fatalf("the checks took %v, longer than the delay: the machine is too busy to tell", took)
	}

	until(t, "no new connections", func() bool {
		conn, err := net.DialTimeout("tcp", leaving.GRPC, patience)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if took := time.Since(began); took < delay {
		t.Errorf("new connections are refused after %v, before the delay of %v is over", took, delay)
	}
	// The connection is asked to end by now, and what runs on it goes on.
	if err := converse(long, nil); err != nil {
		t.Errorf("a stream from before: %v", err)
	}
	if err := leaving.Ended(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(began); took > delay+timeout+slack {
		t.Errorf("took %v to end", took)
	}
	l.progress(t, 20) // on the other one
	l.end()
	t.Logf("calls that went well: %v", l.counts())
	for i, err := range l.failures {
		if i == 10 {
			t.Errorf("… %d in all", len(l.failures))
			break
		}
		t.Error(err)
	}
}

// checkDraining checks that the first server is reported as going away everywhere, and answers every call.
func checkDraining(t *testing.T, p *pair, keepAlive [3]*http.Client) {
	t.Helper()
	conn := p.connect(t, p.servers[0].GRPC)
	health, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || health.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health: %v, %v", health.GetStatus(), err)
	}
	if err := read(t.Context(), conn); err != nil {
		t.Errorf("a call on a new connection: %v", err)
	}
	for major := 1; major <= 2; major++ {
		for range 2 { // on the connection from before, and on a new one
			response, err := p.send(t.Context(), keepAlive[major], 0, http.MethodPost, "/v2/orders", `{"currencyCode":"USD"}`)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Errorf("HTTP/%d: %v, %v", major, response, err)
			} else if major == 1 && !response.Close {
				t.Errorf("HTTP/%d: the client is not asked to leave: %v", major, response.Header)
			}
		}
		response, err := p.send(t.Context(), keepAlive[major], 0, http.MethodGet, "/healthz", "")
		if err != nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("HTTP/%d /healthz: %v, %v", major, response, err)
		}
	}
}

var twoRun = regexp.MustCompile(`(?mi)^grpc_server_in_flight\{grpc_method="processOrders",grpc_service="ordermanagement.v1[^}]*\} 2$`)

// What never ends is cut off when the time is over, over gRPC and HTTP at the same time.
func TestEndsWithinItsBound(t *testing.T) {
	const timeout = 5 * time.Second
	p := startPair(t, fmt.Sprintf("--shutdown-timeout=%v", timeout))
	hung, err := pbv1.NewOrderManagementClient(p.connect(t, p.servers[0].GRPC)).ProcessOrders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hung.Header(); err != nil {
		t.Fatal(err)
	}
	ends := make(chan error, 1)
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+p.servers[0].HTTP+"/v1/orders:process", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	request.Header.Set("Content-Type", "application/x-ndjson")
	go func() {
		response, err := p.http(t, 2).Do(request)
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		ends <- err
	}()
	defer writer.Close()
	if _, err := writer.Write([]byte("\"102\"\n")); err != nil {
		t.Fatal(err)
	}
	until(t, "both streams run", func() bool {
		metrics, err := scrape(p)
		return err == nil && twoRun.MatchString(metrics)
	})

	p.servers[0].Terminate(t)
	began := time.Now()
	if err := p.servers[0].Ended(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(began); took < timeout || took >= 2*timeout-time.Second {
		t.Errorf("took %v: streams get %v, those of HTTP and gRPC at the same time", took, timeout)
	}
	if _, err := hung.Recv(); err == nil {
		t.Error("the stream goes on")
	}
	<-ends
}

func scrape(p *pair) (string, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Get("http://" + p.servers[0].Admin + "/metrics")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

// A second signal ends the process at once, whatever it waits for.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	p := startPair(t, "--shutdown-delay=2m")
	s := p.servers[0]
	s.Terminate(t)
	until(t, "/readyz says no", func() bool { return !ready(s) })
	s.Terminate(t)
	if err := s.Ended(t); err == nil || !strings.Contains(err.Error(), "signal: terminated") {
		t.Errorf("ended with %v", err)
	}
	p.servers[1].Kill(t) // it would wait too
}
