package auth

import (
	"time"

	"golang.org/x/time/rate"
)

// budgetBurst is what may be used at once of a budget that was not touched for long.
const budgetBurst = 2 * time.Second

// budget is time of processors that may be used up. What is left is known before, what is used only after, so it may be
// overdrawn by what runs at the same time.
type budget struct{ limiter *rate.Limiter }

// newBudget makes one of so many seconds a second.
func newBudget(share float64) budget {
	return budget{rate.NewLimiter(rate.Limit(share*float64(time.Second/time.Microsecond)), int(budgetBurst/time.Microsecond))}
}

func (b budget) left(now time.Time) bool { return b.limiter.TokensAt(now) > 0 }

func (b budget) use(now time.Time, used time.Duration) {
	b.limiter.ReserveN(now, int(min(max(used, time.Microsecond), budgetBurst)/time.Microsecond))
}
