package appendjson

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The limits of google/protobuf/timestamp.proto and duration.proto.
const (
	minTime     = -62135596800 // seconds: 0001-01-01T00:00:00Z
	maxTime     = 253402300799 // seconds: 9999-12-31T23:59:59Z
	maxDuration = 315576000000 // seconds: ten thousand years
	maxNanos    = 999999999
)

var errRange = errors.New("out of range")

func timestamp(b []byte, t *timestamppb.Timestamp) ([]byte, error) {
	seconds, nanos := t.GetSeconds(), t.GetNanos()
	if seconds < minTime || seconds > maxTime || nanos < 0 || nanos > maxNanos {
		return nil, errRange
	}
	b = append(b, '"')
	b = time.Unix(seconds, 0).UTC().AppendFormat(b, time.RFC3339)
	b = fraction(b[:len(b)-len("Z")], nanos)
	return append(b, `Z"`...), nil
}

func duration(b []byte, d *durationpb.Duration) ([]byte, error) {
	seconds, nanos := d.GetSeconds(), d.GetNanos()
	if seconds < -maxDuration || seconds > maxDuration || nanos < -maxNanos || nanos > maxNanos {
		return nil, errRange
	}
	if seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return nil, errors.New("seconds and nanos have different signs")
	}
	b = append(b, '"')
	if seconds < 0 || nanos < 0 {
		b = append(b, '-')
		seconds, nanos = -seconds, -nanos
	}
	b = fraction(strconv.AppendInt(b, seconds, 10), nanos)
	return append(b, `s"`...), nil
}

// fraction appends none, three, six or nine digits after a point.
func fraction(b []byte, nanos int32) []byte {
	if nanos == 0 {
		return b
	}
	point := len(b)
	b = strconv.AppendInt(b, 1e9+int64(nanos), 10) // nine digits after a 1
	b[point] = '.'
	b = bytes.TrimSuffix(b, []byte("000"))
	return bytes.TrimSuffix(b, []byte("000"))
}

func amount(b []byte, m *money.Money) (_ []byte, err error) {
	start := len(b)
	if code := m.GetCurrencyCode(); code != "" {
		if b, err = String(append(b, `,"currencyCode":`...), code); err != nil {
			return nil, fmt.Errorf("currency_code: %w", err)
		}
	}
	if units := m.GetUnits(); units != 0 {
		b = Int64(append(b, `,"units":`...), units)
	}
	if nanos := m.GetNanos(); nanos != 0 {
		b = strconv.AppendInt(append(b, `,"nanos":`...), int64(nanos), 10)
	}
	return Object(b, start), nil
}
