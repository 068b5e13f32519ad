package order_test

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"testing"

	"ordermanagement/internal/order"
)

func TestAmountFromNanos(t *testing.T) {
	for name, test := range map[string]struct {
		code  string
		units int64
		nanos int32
		want  order.Amount
		fails order.Reason
	}{
		"dollars and cents":      {"USD", 12, 340_000_000, 1234, ""},
		"no decimals":            {"JPY", 12, 0, 12, ""},
		"three decimals":         {"KWD", 1, 5_000_000, 1005, ""},
		"negative":               {"USD", -1, -10_000_000, -101, ""},
		"only nanos":             {"USD", 0, 10_000_000, 1, ""},
		"largest":                {"USD", 92233720368547758, 70_000_000, math.MaxInt64, ""},
		"smallest":               {"USD", -92233720368547758, -80_000_000, math.MinInt64, ""},
		"finer than cents":       {"USD", 0, 1_000_000, 0, order.AmountTooPrecise},
		"finer than yen":         {"JPY", 0, 500_000_000, 0, order.AmountTooPrecise},
		"one too large":          {"USD", 92233720368547758, 80_000_000, 0, order.AmountOutOfRange},
		"units too large":        {"USD", math.MaxInt64, 0, 0, order.AmountOutOfRange},
		"units too small":        {"KWD", math.MinInt64, 0, 0, order.AmountOutOfRange},
		"signs differ":           {"USD", 1, -10_000_000, 0, order.InvalidField},
		"nanos are a whole":      {"USD", 0, 1_000_000_000, 0, order.InvalidField},
		"no currency":            {"", 1, 0, 0, order.InvalidField},
		"unknown currency":       {"XXZ", 1, 0, 0, order.InvalidField},
		"currency in lower case": {"usd", 1, 0, 0, order.InvalidField},
	} {
		t.Run(name, func(t *testing.T) {
			got, failure := order.AmountFromNanos(test.code, test.units, test.nanos)
			if (failure == nil) != (test.fails == "") || failure != nil && failure.Reason != test.fails {
				t.Fatalf("got %v, want the reason %q", failure, test.fails)
			}
			if failure != nil {
				return
			}
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
			if units, nanos := got.Nanos(test.code); units != test.units || nanos != test.nanos {
				t.Errorf("reads back as %d and %d", units, nanos)
			}
		})
	}
}

// The currency table is ISO 4217's, which CLDR's differs from.
func TestDigits(t *testing.T) {
	for code, want := range map[string]int{"USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "RSD": 2, "IQD": 3, "HUF": 2} {
		if got, ok := order.Digits(code); !ok || got != want {
			t.Errorf("%s: got %d, %v, want %d", code, got, ok, want)
		}
	}
}

func TestAmountFromFloat32(t *testing.T) {
	for name, test := range map[string]struct {
		code  string
		price float32
		want  order.Amount
		fails order.Reason
	}{
		"whole":            {"USD", 1800, 180000, ""},
		"tenths":           {"USD", 0.1, 10, ""},
		"cents":            {"USD", 19.99, 1999, ""},
		"zero":             {"USD", 0, 0, ""},
		"yen":              {"JPY", 300, 300, ""},
		"large":            {"USD", 1e16, 1e18, ""},
		"a third cent":     {"USD", 19.999, 0, order.AmountTooPrecise},
		"half a yen":       {"JPY", 0.5, 0, order.AmountTooPrecise},
		"tiny":             {"USD", math.SmallestNonzeroFloat32, 0, order.AmountTooPrecise},
		"too large":        {"USD", 1e17, 0, order.AmountOutOfRange},
		"largest float":    {"USD", math.MaxFloat32, 0, order.AmountOutOfRange},
		"not a number":     {"USD", float32(math.NaN()), 0, order.InvalidField},
		"infinite":         {"USD", float32(math.Inf(1)), 0, order.InvalidField},
		"unknown currency": {"???", 1, 0, order.InvalidField},
	} {
		t.Run(name, func(t *testing.T) {
			got, failure := order.AmountFromFloat32(test.code, test.price)
			if (failure == nil) != (test.fails == "") || failure != nil && failure.Reason != test.fails {
				t.Fatalf("got %v, want the reason %q", failure, test.fails)
			}
			if failure == nil && got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestFloat32IsExactOrNothing(t *testing.T) {
	for name, test := range map[string]struct {
		amount order.Amount
		exact  bool
	}{
		"small":                         {1999, true},
		"as many digits as a float has": {1677721600, true},
		"more digits than a float has":  {12345678901, false},
		"largest":                       {math.MaxInt64, false},
	} {
		t.Run(name, func(t *testing.T) {
			price, exact := test.amount.Float32("USD")
			if exact != test.exact {
				t.Fatalf("%v as %v: exact is %v", test.amount, price, exact)
			}
			if !exact {
				return
			}
			if back, failure := order.AmountFromFloat32("USD", price); failure != nil || back != test.amount {
				t.Errorf("reads back as %d, %v", back, failure)
			}
		})
	}
}

// A price is its shortest decimal, and nothing that is computed with floats.
func FuzzAmountFromFloat32(f *testing.F) {
	for _, price := range []float32{0, 0.1, 19.99, 1e16, 3e38} {
		f.Add(price)
	}
	f.Fuzz(func(t *testing.T, price float32) {
		amount, failure := order.AmountFromFloat32("USD", price)
		if failure != nil {
			return
		}
		decimal, ok := new(big.Rat).SetString(strconv.FormatFloat(float64(price), 'f', -1, 32))
		if !ok || decimal.Cmp(big.NewRat(int64(amount), 100)) != 0 {
			t.Errorf("%v became %d cents", price, amount)
		}
		if price >= 0 {
			if back, exact := amount.Float32("USD"); !exact || back != price {
				t.Errorf("%v became %d cents, and those %v", price, amount, back)
			}
		}
	})
}

// An amount is exactly the units and nanos it was made of.
func FuzzAmountFromNanos(f *testing.F) {
	f.Add("USD", int64(1), int32(10_000_000))
	f.Add("JPY", int64(math.MaxInt64), int32(0))
	f.Fuzz(func(t *testing.T, code string, units int64, nanos int32) {
		amount, failure := order.AmountFromNanos(code, units, nanos)
		if failure != nil {
			if errors.Is(failure, &order.Error{Reason: ""}) {
				t.Error("refuses without a reason")
			}
			return
		}
		if u, n := amount.Nanos(code); u != units || n != nanos {
			t.Errorf("%d and %d became %d and %d", units, nanos, u, n)
		}
	})
}
