package main

import (
	"bytes"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"
)

// The limit that the runtime has is the one that was given, unless the environment has another.
func TestMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for name, test := range map[string]struct {
		given, environment string
		want               int64 // 0: as before
		log                string
	}{
		"bytes":       {given: "67108864", want: 64 << 20, log: `limit="64 MiB" source=67108864`},
		"with a unit": {given: "512MiB", want: 512 << 20, log: `limit="512 MiB" source=512MiB`},
		"SI":          {given: "1GB", want: 1e9, log: `source=1GB`},
		"off":         {given: off, log: `source=off`},
		"auto":        {given: auto, want: -1, log: `source=cgroup`},
		"environment": {given: "512MiB", environment: "1GiB", log: `source="GOMEMLIMIT=1GiB"`}, // which the runtime has read itself
	} {
		t.Run(name, func(t *testing.T) {
			debug.SetMemoryLimit(before)
			if test.environment != "" {
				t.Setenv("GOMEMLIMIT", test.environment)
			}
			if test.want == 0 {
				test.want = before
			}
			var text bytes.Buffer
			(&limitSettings{MemoryLimit: test.given}).limitMemory(slog.New(slog.NewTextHandler(&text, nil)))
			if got := debug.SetMemoryLimit(-1); test.want >= 0 && got != test.want {
				t.Errorf("the limit is %d, want %d", got, test.want)
			}
			if !strings.Contains(text.String(), test.log) || strings.Contains(text.String(), "WARN") {
				t.Errorf("logged %s", &text)
			}
		})
	}
}
