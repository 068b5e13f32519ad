package main

import (
	"runtime/debug"
	"testing"
)

// The limit that the runtime has is the one that was given, unless the environment has another.
func TestMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for name, test := range map[string]struct {
		given, environment string
		want               int64 // 0: as before
		limit, source      string
	}{
		"bytes":       {given: "67108864", want: 64 << 20, limit: "64 MiB", source: "67108864"},
		"with a unit": {given: "512MiB", want: 512 << 20, limit: "512 MiB", source: "512MiB"},
		"SI":          {given: "1GB", want: 1e9, limit: "954 MiB", source: "1GB"},
		"off":         {given: off, source: off},
		"auto":        {given: auto, want: -1, source: "cgroup"},
		"environment": {given: "512MiB", environment: "1GiB", source: "GOMEMLIMIT=1GiB"}, // which the runtime has read itself
	} {
		t.Run(name, func(t *testing.T) {
			debug.SetMemoryLimit(before)
			if test.environment != "" {
				t.Setenv("GOMEMLIMIT", test.environment)
			}
			if test.want == 0 {
				test.want = before
			}
			limit, source := (&limitSettings{MemoryLimit: test.given}).limitMemory()
			if got := debug.SetMemoryLimit(-1); test.want >= 0 && got != test.want {
				t.Errorf("the limit is %d, want %d", got, test.want)
			}
			if test.limit != "" && limit != test.limit || source != test.source {
				t.Errorf("told %s of %s", limit, source)
			}
		})
	}
}
