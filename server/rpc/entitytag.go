package rpc

import (
	"errors"
	"strings"
)

// ParseEntityTags reads "*" or a list of entity tags (RFC 9110, 8.8.3 and 13.1.1). Weak tags stay in the list with their
// prefix, and so never match a strong one.
func ParseEntityTags(text string) ([]string, error) {
	text = strings.Trim(text, " \t")
	if text == "*" {
		return []string{"*"}, nil
	}
	tags := []string{}
	for text != "" {
		if text[0] == ',' {
			text = strings.TrimLeft(text[1:], " \t") // empty elements of a list are legal (RFC 9110, 5.6.1.2)
			continue
		}
		prefix := ""
		if strings.HasPrefix(text, "W/") {
			prefix, text = "W/", text[2:]
		}
		if !strings.HasPrefix(text, `"`) {
			return nil, errors.New("an entity tag must be in double quotes")
		}
		end := strings.IndexByte(text[1:], '"')
		if end < 0 {
			return nil, errors.New("an entity tag has no closing quote")
		}
		tags = append(tags, prefix+text[:end+2])
		text = strings.TrimLeft(text[end+2:], " \t")
		if text != "" && text[0] != ',' {
			return nil, errors.New("entity tags must be separated by commas")
		}
	}
	if len(tags) == 0 {
		return nil, errors.New("holds no entity tag")
	}
	return tags, nil
}
