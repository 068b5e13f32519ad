package measure

import (
	"cmp"
	"math"
	"slices"
)

// Spread is the middle of some values and the ends between which they lie.
type Spread struct {
	Median, Min, Max float64
}

// NewSpread needs at least one value.
func NewSpread(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// Quantile is the smallest of the sorted values that at least the fraction q of them does not exceed (nearest rank);
// zero if there are none.
func Quantile[T cmp.Ordered](sorted []T, q float64) T {
	if len(sorted) == 0 {
		var zero T
		return zero
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
