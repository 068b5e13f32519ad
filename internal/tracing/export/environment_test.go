package export_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/tracing/export"
)

// clean is an environment without variables of OpenTelemetry but those given.
func clean(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, value) // puts it back
			os.Unsetenv(name)
		}
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

func TestWhetherTracesGoAnywhere(t *testing.T) {
	for name, test := range map[string]struct {
		flag      string
		variables map[string]string
		enabled   bool
	}{
		"nothing is said":                  {"", nil, false},
		"a name alone":                     {"", map[string]string{"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"}, false},
		"an endpoint":                      {"", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, true},
		"an endpoint of traces":            {"", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318"}, true},
		"the variable":                     {"", map[string]string{"OTEL_TRACES_EXPORTER": "console"}, true},
		"the variable against an endpoint": {"", map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}, false},
		"the flag":                         {"otlp", nil, true},
		"the flag against the variable":    {"none", map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, false},
		"the flag for another":             {"console", map[string]string{"OTEL_TRACES_EXPORTER": "none"}, true},
		"disabled":                         {"otlp", map[string]string{"OTEL_SDK_DISABLED": "true"}, false},
		"off, and wrong":                   {"none", map[string]string{"OTEL_TRACES_SAMPLER": "half"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t, test.variables)
			config, err := export.FromEnvironment(test.flag)
			if err != nil || config.Enabled() != test.enabled {
				t.Errorf("enabled: %v, %v", config.Enabled(), err)
			}
		})
	}
}

func TestWrongVariables(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][]string{
		"OTEL_TRACES_EXPORTER":                  {"zipkin", "OTLP"},
		"OTEL_EXPORTER_OTLP_ENDPOINT":           {"localhost:4317", "secret", "http://", "ftp://secret@host", "http://secret\x7f"},
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT":    {"/v1/traces"},
		"OTEL_EXPORTER_OTLP_PROTOCOL":           {"http/json", "http"},
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL":    {"udp"},
		"OTEL_EXPORTER_OTLP_HEADERS":            {"authorization: secret", "=secret", "a=%secret", "a=b,secret", "a b=secret"},
		"OTEL_EXPORTER_OTLP_TIMEOUT":            {"10s", "0"},
		"OTEL_EXPORTER_OTLP_COMPRESSION":        {"zip"},
		"OTEL_EXPORTER_OTLP_INSECURE":           {"yes"},
		"OTEL_EXPORTER_OTLP_CERTIFICATE":        {"/no/such/file", empty},
		"OTEL_EXPORTER_OTLP_CLIENT_KEY":         {"/no/such/file"},
		"OTEL_TRACES_SAMPLER":                   {"half", "parentbased_", "parentbased_half"},
		"OTEL_BSP_MAX_QUEUE_SIZE":               {"0", "-1", "many"},
		"OTEL_BSP_SCHEDULE_DELAY":               {"5s"},
		"OTEL_SPAN_EVENT_COUNT_LIMIT":           {"many"},
		"OTEL_RESOURCE_ATTRIBUTES":              {"team"},
		"OTEL_PROPAGATORS":                      {"b3", "tracecontext,jaeger"},
		"OTEL_TRACES_SAMPLER_ARG":               {"2", "-0.1", "NaN", "half"},
		"OTEL_EXPORTER_OTLP_TRACES_INSECURE":    {"1"},
		"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT":       {"-1"},
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE":        {""},
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS":     {"x"},
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": {empty},
	} {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				clean(t, map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": "traceidratio"})
				t.Setenv(name, value)
				_, err := export.FromEnvironment("")
				if value == "" { // is as if it were not set
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("got %v", err)
				}
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("shows what may be a secret: %v", err)
				}
			})
		}
	}
}

func TestRightVariables(t *testing.T) {
	clean(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20secret, x=y", "OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
		"OTEL_EXPORTER_OTLP_INSECURE": "TRUE", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
		"OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_RESOURCE_ATTRIBUTES": "team=a%20b,deployment.environment.name=test", "OTEL_PROPAGATORS": "tracecontext, baggage",
	})
	if config, err := export.FromEnvironment(""); err != nil || !config.Enabled() {
		t.Error(config.Enabled(), err)
	}
}
