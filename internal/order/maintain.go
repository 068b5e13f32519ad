package order

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// sweepInterval is how often expired outcomes are removed. They are ignored from the moment they expire; removing them
// only keeps the store small.
const sweepInterval = time.Minute

// Maintain removes what has expired until the context ends. Every replica may run it at once.
func (s *Service) Maintain(ctx context.Context, logger *slog.Logger) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "removing expired idempotency keys failed; trying again", "error", err, "in", sweepInterval)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep removes every outcome that has expired, a bounded number at a time so that writes get their turn in between.
func (s *Service) sweep(ctx context.Context) error {
	for {
		removed, err := s.store.Sweep(ctx, s.time().Add(-KeyRetention))
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if removed == 0 {
			return nil
		}
	}
}
