package appendjson

import (
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"
)

var errUTF8 = errors.New("invalid UTF-8")

// String appends a JSON string. It escapes what RFC 8259, 7 says must be, and nothing else.
func String(b []byte, s string) ([]byte, error) {
	b = append(b, '"')
	written := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				return nil, errUTF8
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			b = escape(append(b, s[written:i]...), c)
			written = i + 1
		}
		i++
	}
	b = append(b, s[written:]...)
	return append(b, '"'), nil
}

func escape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
}

// Bytes appends bytes in base64, with padding.
func Bytes(b, v []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"')
}

// Int64 appends a string: a JavaScript number would lose digits.
func Int64(b []byte, v int64) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, v, 10)
	return append(b, '"')
}

// Uint64 appends a string, as Int64 does.
func Uint64(b []byte, v uint64) []byte {
	b = append(b, '"')
	b = strconv.AppendUint(b, v, 10)
	return append(b, '"')
}

// Float appends the shortest number that is read back as the same float of so many bits, written as ECMAScript would.
func Float(b []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(b, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(b, `"-Infinity"`...)
	}
	// A float of 32 bits is compared with the limits as such a float has them.
	low, high := 1e-6, 1e21
	if bits == 32 {
		low, high = float64(float32(low)), float64(float32(high))
	}
	if size := math.Abs(v); size == 0 || size >= low && size < high {
		return strconv.AppendFloat(b, v, 'f', -1, bits)
	}
	b = strconv.AppendFloat(b, v, 'e', -1, bits)
	// strconv writes an exponent in two digits at least: 1e-7 for 1e-07.
	if n := len(b); b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

// Enum appends the name of an enum's value, or the number of one that has none: the sender's contract is newer.
func Enum(b []byte, names map[int32]string, number int32) []byte {
	name, ok := names[number]
	if !ok {
		return strconv.AppendInt(b, int64(number), 10)
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}
