package main

import (
	"log/slog"
	"time"

	"ordermanagement/internal/lifecycle"
	"ordermanagement/internal/tracing"
	"ordermanagement/internal/tracing/export"
)

// traceFlushTimeout is how long a process that stops waits for its collector to take the last spans.
const traceFlushTimeout = 5 * time.Second

// checkTraces reads what OpenTelemetry's variables say.
func (s *settings) checkTraces(p *problems) {
	if p.unread("traces-exporter") {
		return // and told so already
	}
	var err error
	if s.traces, err = export.FromEnvironment(s.Traces.TracesExporter); err != nil {
		p.others = append(p.others, err)
	}
}

// openTraces begins to export traces, if they are wanted. Without it there is no provider, and nothing is traced.
func (p *process) openTraces() error {
	if !p.settings.traces.Enabled() {
		return nil
	}
	provider, err := export.New(p.ctx, p.settings.traces, buildVersion(), p.stdout, p.log)
	if err != nil {
		return err
	}
	p.tracerProvider = provider
	p.log = slog.New(tracing.LogHandler(p.log.Handler()))
	p.cleanups.Push(lifecycle.Cleanup{Name: "the exporter of traces", Limit: traceFlushTimeout, Stop: provider.Shutdown})
	return nil
}
