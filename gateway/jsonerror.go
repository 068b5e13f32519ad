package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxEcho is how much of what a client sent is repeated to it, in bytes.
const maxEcho = 200

// clip makes a text fit for a message: valid UTF-8, and not long.
func clip(s string) string {
	if len(s) > maxEcho {
		s = s[:maxEcho] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// decodeError is what protojson's errors look like after the prefix.
var decodeError = regexp.MustCompile(`^(?:syntax error )?\(line (\d+):(\d+)\): (?s:(.*))$`)

// explainJSON tells what protojson found wrong with JSON in words that stay the same, and in which field of the
// message, in proto names, e.g. "line_items[2].quantity". protojson itself names at most the field, not the path to it,
// and varies its errors so that nobody depends on them.
func explainJSON(err error, data []byte, m proto.Message) (field, text string) {
	text = strings.TrimLeft(strings.TrimPrefix(err.Error(), "proto:"), " \u00a0")
	match := decodeError.FindStringSubmatch(text)
	if match == nil {
		return "", clip(text)
	}
	line, _ := strconv.Atoi(match[1])
	column, _ := strconv.Atoi(match[2])
	var message protoreflect.MessageDescriptor
	if m != nil {
		message = m.ProtoReflect().Descriptor()
	}
	field = pathAt(data, offsetOf(data, line, column), message)
	return field, fmt.Sprintf("%s (line %d, column %d)", clip(match[3]), line, column)
}

// offsetOf finds the byte that a line and a column, counted in characters from one, mean.
func offsetOf(data []byte, line, column int) int64 {
	offset := 0
	for ; line > 1; line-- {
		end := bytes.IndexByte(data[offset:], '\n')
		if end < 0 {
			return int64(len(data))
		}
		offset += end + 1
	}
	for ; column > 1 && offset < len(data); column-- {
		_, size := utf8.DecodeRune(data[offset:])
		offset += size
	}
	return int64(offset)
}

// level is one open object or array on the way to a place in JSON.
type level struct {
	list    bool
	index   int                            // of the element, in a list
	name    string                         // of the member, in an object
	named   bool                           // the member's name was read, its value was not
	message protoreflect.MessageDescriptor // that the object, or each element of the list, is; nil if unknown
	mapped  bool                           // the object is a map
}

// enter steps into member or element, and tells what an object there would be.
func (l *level) enter() (message protoreflect.MessageDescriptor, mapped bool) {
	switch {
	case l.message == nil:
		return nil, false
	case l.list || l.mapped:
		return l.message, false
	}
	field := l.message.Fields().ByTextName(l.name)
	switch {
	case field == nil:
		return nil, false
	case field.IsMap():
		return field.MapValue().Message(), true
	}
	return field.Message(), false
}

// pathAt is the path of what stands at an offset, as far as the JSON before it is JSON.
func pathAt(data []byte, offset int64, message protoreflect.MessageDescriptor) string {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var open []*level
	for {
		token, err := decoder.Token()
		if err != nil {
			return joinPath(open)
		}
		there := decoder.InputOffset() > offset
		var top *level
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		switch delim, _ := token.(json.Delim); {
		case delim == '}' || delim == ']':
			open = open[:len(open)-1]
			if len(open) > 0 {
				open[len(open)-1].next()
			}
		case top != nil && !top.list && !top.named:
			top.name, top.named = memberName(top, token), true
		case there:
			return joinPath(open)
		case delim != 0:
			inner := &level{list: delim == '[', message: message}
			if top != nil {
				inner.message, inner.mapped = top.enter()
			}
			open = append(open, inner)
		case top != nil:
			top.next()
		}
		if there {
			return joinPath(open)
		}
	}
}

// next steps over a value.
func (l *level) next() {
	l.index++
	l.named = false
}

func memberName(l *level, token json.Token) string {
	name, _ := token.(string)
	if l.message != nil && !l.mapped {
		if field := l.message.Fields().ByJSONName(name); field != nil {
			return string(field.Name())
		}
	}
	return name
}

func joinPath(open []*level) string {
	var path strings.Builder
	for _, l := range open {
		switch {
		case l.list:
			fmt.Fprintf(&path, "[%d]", l.index)
		case !l.named:
		case l.mapped:
			fmt.Fprintf(&path, "[%q]", l.name)
		default:
			if path.Len() > 0 {
				path.WriteByte('.')
			}
			path.WriteString(l.name)
		}
	}
	return clip(path.String())
}
