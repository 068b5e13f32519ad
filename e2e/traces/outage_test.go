package traces

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"ordermanagement/e2e/process"
)

// calls makes more of them than the queue of spans takes.
func calls(t *testing.T, service *process.Service) {
	t.Helper()
	w := &world{gateway: service, client: service.Client(t)}
	for range 50 {
		if status, _ := w.ask(t, "GET", "/v2/orders/102", "", nil); status != http.StatusOK {
			t.Fatalf("answered %d", status)
		}
	}
}

// small is a queue that is full at once.
var small = []string{"OTEL_BSP_MAX_QUEUE_SIZE=8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4"}

const lost = "traces can't be exported"

// A collector that is not there costs calls nothing, and one line of the log.
func TestNoCollector(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + listener.Addr().String()
	listener.Close()
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			service := program.Start(t, process.Config{
				Args: []string{"--sample-data"},
				Env:  append(exporting("serve", endpoint, protocol), append(small, "OTEL_EXPORTER_OTLP_TIMEOUT=100")...),
			})
			calls(t, service)
			await(t, "line about it", func() bool { return strings.Contains(service.Output(), lost) })
			calls(t, service)
			service.Stop(t)
			if n := strings.Count(service.Output(), lost); n != 1 {
				t.Errorf("it is logged %d times", n)
			}
		})
	}
}

// A collector that takes connections and never answers holds up no call, and the end of the process only within its bound.
func TestCollectorThatHangs(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			accepted := make(chan struct{})
			go func() {
				defer close(accepted)
				var held []net.Conn
				for {
					conn, err := listener.Accept()
					if err != nil {
						break
					}
					held = append(held, conn)
				}
				for _, conn := range held {
					conn.Close()
				}
			}()
			defer func() {
				listener.Close()
				<-accepted
			}()
			service := program.Start(t, process.Config{
				Args: []string{"--sample-data"},
				// Longer than the test waits for the process: its own bound has to end the export.
				Env: append(exporting("serve", "http://"+listener.Addr().String(), protocol), append(small,
					"OTEL_EXPORTER_OTLP_TIMEOUT=600000", "OTEL_BSP_EXPORT_TIMEOUT=600000")...),
			})
			calls(t, service)
			service.Stop(t)
			if !strings.Contains(service.Output(), `msg="not done in time, cut off" stopping="the exporter of traces"`) {
				t.Error("nothing says that spans were lost")
			}
		})
	}
}

// A collector that comes back is used again.
func TestCollectorThatComesBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := listener.Addr().String()
	listener.Close()
	service := program.Start(t, process.Config{
		Args: []string{"--sample-data"}, Env: append(exporting("serve", "http://"+endpoint, "http/protobuf"), "OTEL_EXPORTER_OTLP_TIMEOUT=100"),
	})
	calls(t, service)
	await(t, "line about it", func() bool { return strings.Contains(service.Output(), lost) })
	if listener, err = net.Listen("tcp", endpoint); err != nil {
		t.Fatal(err)
	}
	c := &collector{}
	receiver := &http.Server{Handler: http.HandlerFunc(c.receive)}
	served := make(chan error, 1)
	go func() { served <- receiver.Serve(listener) }()
	defer func() {
		receiver.Close()
		<-served
	}()
	calls(t, service)
	await(t, "line about its return", func() bool { return strings.Contains(service.Output(), "traces are exported again") })
	if c.all() == "" {
		t.Error("nothing has arrived")
	}
}

// Off is off, whatever the environment names.
func TestNothingIsSentWithoutAnExporter(t *testing.T) {
	for name, config := range map[string]process.Config{
		"by the flag":     {Args: []string{"--traces-exporter=none"}},
		"by the variable": {Env: []string{"OTEL_TRACES_EXPORTER=none"}},
		"by the SDK's":    {Env: []string{"OTEL_SDK_DISABLED=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t)
			config.Args, config.Env = append(config.Args, "--sample-data"), append(exporting("serve", c.http, "http/protobuf"), config.Env...)
			service := program.Start(t, config)
			calls(t, service)
			service.Stop(t)
			if n := c.connections.Load(); n != 0 {
				t.Errorf("%d connections were made", n)
			}
			if strings.Contains(service.Output(), "trace_id") {
				t.Error("log lines have trace ids")
			}
		})
	}
}

// The console gets a span a line, on stdout.
func TestConsole(t *testing.T) {
	service := program.Start(t, process.Config{Args: []string{"--sample-data", "--traces-exporter=console"}})
	calls(t, service)
	service.Stop(t)
	if n := strings.Count(service.Output(), `{"Name":"GET /v2/{name=orders/*}"`); n != 50 {
		t.Errorf("%d spans of requests, want 50", n)
	}
}
