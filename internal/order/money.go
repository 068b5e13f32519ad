package order

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// Amount is a sum of money in the minor units of its currency, e.g. cents. Amounts are exact; what does not fit is an
// error, never a wrap.
type Amount int64

// Money is an amount with its currency (ISO 4217).
type Money struct {
	Currency string `json:"currency"`
	Amount   Amount `json:"amount"`
}

// nanosDigits is how many decimals the nanos of google.type.Money have.
const nanosDigits = 9

// Digits is how many decimals the currency has (ISO 4217); false for a code that is none.
func Digits(code string) (int, bool) {
	digits, ok := currency.GetDigits(code)
	return int(digits), ok
}

// AmountFromNanos makes an amount of whole units and billionths, as google.type.Money has them. The error is a
// Violation's description.
func AmountFromNanos(code string, units int64, nanos int32) (Amount, *Error) {
	digits, ok := Digits(code)
	if !ok {
		return 0, unknownCurrency(code)
	}
	if nanos <= -1_000_000_000 || nanos >= 1_000_000_000 {
		return 0, &Error{Reason: InvalidField, Message: "nanos must be between -999999999 and 999999999"}
	}
	if (units > 0 && nanos < 0) || (units < 0 && nanos > 0) {
		return 0, &Error{Reason: InvalidField, Message: "units and nanos must have the same sign"}
	}
	step := pow10(nanosDigits - digits)
	if int64(nanos)%step != 0 {
		return 0, tooPrecise(code, digits)
	}
	whole, ok := mul(Amount(units), pow10(digits))
	if !ok {
		return 0, outOfRange()
	}
	sum, ok := add(whole, Amount(int64(nanos)/step))
	if !ok {
		return 0, outOfRange()
	}
	return sum, nil
}

// Nanos is the amount in whole units and billionths.
func (a Amount) Nanos(code string) (units int64, nanos int32) {
	digits, _ := Digits(code)
	scale := pow10(digits)
	return int64(a) / scale, int32(int64(a) % scale * pow10(nanosDigits-digits))
}

// AmountFromFloat32 makes an amount of a v1 price: the shortest decimal that is this float (as strconv prints it), taken
// exactly. One that is finer than the currency is refused.
func AmountFromFloat32(code string, price float32) (Amount, *Error) {
	digits, ok := Digits(code)
	if !ok {
		return 0, unknownCurrency(code)
	}
	if f := float64(price); math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, &Error{Reason: InvalidField, Message: "must be a finite number"}
	}
	whole, fraction, _ := strings.Cut(strconv.FormatFloat(float64(price), 'f', -1, 32), ".")
	if len(fraction) > digits {
		return 0, tooPrecise(code, digits)
	}
	n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return 0, outOfRange()
	}
	return Amount(n), nil
}

// Float32 is the float that stands for the amount in v1; false when there is none that reads back as the same amount.
func (a Amount) Float32(code string) (float32, bool) {
	price, err := strconv.ParseFloat(a.Decimal(code), 32)
	if err != nil {
		return 0, false
	}
	back, failure := AmountFromFloat32(code, float32(price))
	return float32(price), failure == nil && back == a
}

// Decimal is the amount as a decimal number of whole units, e.g. "12.50".
func (a Amount) Decimal(code string) string {
	digits, _ := Digits(code)
	s := strconv.FormatInt(int64(a), 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	if len(s) <= digits {
		s = strings.Repeat("0", digits-len(s)+1) + s
	}
	if digits == 0 {
		return sign + s
	}
	return sign + s[:len(s)-digits] + "." + s[len(s)-digits:]
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

func add(a, b Amount) (Amount, bool) {
	sum := a + b
	// It has overflowed when both have one sign and the sum has the other.
	return sum, (a^sum)&(b^sum) >= 0
}

func mul(a Amount, n int64) (Amount, bool) {
	if a == 0 || n == 0 {
		return 0, true
	}
	product := int64(a) * n
	return Amount(product), product/n == int64(a) && !(n == -1 && int64(a) == math.MinInt64)
}

func unknownCurrency(code string) *Error {
	return &Error{Reason: InvalidField, Message: fmt.Sprintf("%q is not a currency of ISO 4217", code)}
}

func tooPrecise(code string, digits int) *Error {
	return &Error{Reason: AmountTooPrecise, Message: fmt.Sprintf("%s has %d decimals", code, digits)}
}

func outOfRange() *Error {
	return &Error{Reason: AmountOutOfRange, Message: "does not fit into 64 bits of minor units"}
}
