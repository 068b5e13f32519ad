package corpus

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// variable is "${name}", "${name.field.0}" or "${name|function}".
var variable = regexp.MustCompile(`\$\{([^}|]+)(?:\|([a-z]+))?\}`)

// functions are what can be done to a variable.
var functions = map[string]func(string) string{
	"tampered": func(s string) string { // with its middle character changed
		b := []byte(s)
		if i := len(b) / 2; b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		return string(b)
	},
	"unquoted": func(s string) string { return strings.Trim(s, `"`) },
	"upper":    strings.ToUpper,
}

// fill puts variables into a value, at any depth, and makes the texts and lists that are said by {$text: …} and
// {$list: …}. A text that is nothing but a variable becomes the variable's value, whatever that is.
func fill(value any, vars map[string]any) (any, error) {
	switch value := value.(type) {
	case string:
		return fillText(value, vars)
	case []any:
		filled := make([]any, len(value))
		for i := range value {
			var err error
			if filled[i], err = fill(value[i], vars); err != nil {
				return nil, err
			}
		}
		return filled, nil
	case map[string]any:
		if made, ok, err := repeat(value, vars); ok || err != nil {
			return made, err
		}
		filled := make(map[string]any, len(value))
		for key, inner := range value {
			key, err := fillText(key, vars)
			if err != nil {
				return nil, err
			}
			if filled[fmt.Sprint(key)], err = fill(inner, vars); err != nil {
				return nil, err
			}
		}
		return filled, nil
	default:
		return value, nil
	}
}

// repeat makes {$text: "a", times: 3} "aaa", {$list: X, times: 3} [X, X, X], and {$map: X, times: 3} a map of three. In a
// list or map ${i} counts from 0.
func repeat(value, vars map[string]any) (made any, ok bool, err error) {
	times, err := strconv.Atoi(fmt.Sprint(value["times"]))
	if err != nil {
		return nil, false, nil // not one of these
	}
	if text, ok := value["$text"].(string); ok {
		return strings.Repeat(text, times), true, nil
	}
	if item, ok := value["$list"]; ok {
		list := make([]any, times)
		for i := range list {
			if list[i], err = fill(item, with(vars, "i", i)); err != nil {
				return nil, false, err
			}
		}
		return list, true, nil
	}
	if item, ok := value["$map"]; ok {
		all := make(map[string]any, times)
		for i := range times {
			one, err := fill(item, with(vars, "i", i))
			if err != nil {
				return nil, false, err
			}
			maps.Copy(all, one.(map[string]any))
		}
		return all, true, nil
	}
	return nil, false, nil
}

func with(vars map[string]any, name string, value any) map[string]any {
	more := maps.Clone(vars)
	more[name] = value
	return more
}

func fillText(text string, vars map[string]any) (any, error) {
	if match := variable.FindStringSubmatch(text); match != nil && match[0] == text {
		value, err := lookUp(match[1], vars)
		if err != nil || match[2] == "" {
			return value, err
		}
		return call(match[2], value)
	}
	var failure error
	filled := variable.ReplaceAllStringFunc(text, func(found string) string {
		match := variable.FindStringSubmatch(found)
		value, err := lookUp(match[1], vars)
		if err == nil && match[2] != "" {
			value, err = call(match[2], value)
		}
		if err != nil {
			failure = err
		}
		return fmt.Sprint(value)
	})
	return filled, failure
}

func call(name string, value any) (any, error) {
	function, ok := functions[name]
	if !ok {
		return nil, fmt.Errorf("there is no function %q", name)
	}
	return function(fmt.Sprint(value)), nil
}

func lookUp(path string, vars map[string]any) (any, error) {
	var value any = vars
	for part := range strings.SplitSeq(path, ".") {
		switch at := value.(type) {
		case map[string]any:
			inner, ok := at[part]
			if !ok {
				return nil, fmt.Errorf("${%s}: there is no %q", path, part)
			}
			value = inner
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(at) {
				return nil, fmt.Errorf("${%s}: there is no element %q", path, part)
			}
			value = at[i]
		default:
			return nil, fmt.Errorf("${%s}: %q is in neither a map nor a list", path, part)
		}
	}
	return value, nil
}

// anything, as an expectation, is met by every value that is there.
const anything = "<any>"

// differ says where a value is not what was expected; "" when it is. Of a map only what is expected is looked at, and null means
// that something must not be there; a list must have exactly its elements.
func differ(at string, want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s: want %v, got %v", at, want, got)
		}
		for _, key := range slices.Sorted(maps.Keys(want)) {
			inner, there := got[key]
			switch {
			case want[key] == nil && there:
				return fmt.Sprintf("%s.%s: is %v, must not be there", at, key, inner)
			case want[key] == nil:
			case !there:
				return fmt.Sprintf("%s.%s: is not there, want %v", at, key, want[key])
			default:
				if difference := differ(at+"."+key, want[key], inner); difference != "" {
					return difference
				}
			}
		}
		return ""
	case []any:
		got, _ := got.([]any)
		if len(got) != len(want) {
			return fmt.Sprintf("%s: want %d elements, got %d: %v", at, len(want), len(got), clip(got))
		}
		for i := range want {
			if difference := differ(fmt.Sprintf("%s[%d]", at, i), want[i], got[i]); difference != "" {
				return difference
			}
		}
		return ""
	default:
		if want == anything || sameScalar(fmt.Sprint(want), fmt.Sprint(got)) {
			return ""
		}
		return fmt.Sprintf("%s: want %v, got %v", at, clip(want), clip(got))
	}
}

// sameScalar compares numbers as numbers: ProtoJSON writes some of them in quotes, and large ones with an exponent.
func sameScalar(want, got string) bool {
	if want == got {
		return true
	}
	a, errA := strconv.ParseFloat(want, 64)
	b, errB := strconv.ParseFloat(got, 64)
	return errA == nil && errB == nil && a == b && len(want) < 16 && len(got) < 16
}

// clip keeps long values out of messages.
func clip(value any) string {
	const most = 600
	text := fmt.Sprint(value)
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
