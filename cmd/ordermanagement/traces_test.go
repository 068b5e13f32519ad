package main

import "testing"

// What is wrong with OpenTelemetry's variables is told with all else, before anything starts.
func TestWrongTraceSettings(t *testing.T) {
	for name, test := range map[string]struct {
		variables map[string]string
		args      []string
		lines     []string
	}{
		"the flag": {nil, []string{"--traces-exporter=zipkin"}, []string{`--traces-exporter: "zipkin" is not one of none, otlp, console`}},
		"the variables, and a flag": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317", "OTEL_TRACES_SAMPLER": "half"}, []string{"--tls=maybe"},
			[]string{"--tls: ", "OTEL_EXPORTER_OTLP_ENDPOINT: is not a URL such as http://localhost:4318", "OTEL_TRACES_SAMPLER: "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range test.variables {
				t.Setenv(name, value)
			}
			c := start(t, t.TempDir(), free(test.args...)...)
			if code := c.exit(); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			checkLines(t, c, test.lines...)
		})
	}
}
