package main

import (
	"regexp"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// quotedName is a name of several words in backticks, as comments write the names of fields.
var quotedName = regexp.MustCompile("`[a-z][a-z0-9]*(_[a-z0-9]+)+`")

// describe is the comment of a declaration for people who see JSON: with the JSON names of fields.
func (r *reviser) describe(descriptor protoreflect.Descriptor) string {
	return quotedName.ReplaceAllStringFunc(comment(descriptor), func(quoted string) string {
		if name, ok := r.jsonNames[strings.Trim(quoted, "`")]; ok {
			return "`" + name + "`"
		}
		return quoted
	})
}

// fieldNames maps the proto names of all fields of the project's contracts to their JSON names.
func (c *contract) fieldNames() map[string]string {
	names := map[string]string{}
	var add func(messages protoreflect.MessageDescriptors)
	add = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			fields := messages.Get(i).Fields()
			for j := range fields.Len() {
				names[string(fields.Get(j).Name())] = fields.Get(j).JSONName()
			}
			add(messages.Get(i).Messages())
		}
	}
	c.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(file.Package()), "ordermanagement.") {
			add(file.Messages())
		}
		return true
	})
	return names
}

// sentenceEnd is a full stop that no abbreviation has.
var sentenceEnd = regexp.MustCompile(`[^.]\.(\s|$)`)

// firstSentence cuts a text after its first sentence, which it returns without its full stop.
func firstSentence(text string) (first, rest string) {
	offset := 0
	for {
		at := sentenceEnd.FindStringIndex(text[offset:])
		if at == nil {
			return text, ""
		}
		stop := offset + at[0] + 1
		if strings.HasSuffix(text[:stop], "e.g") || strings.HasSuffix(text[:stop], "i.e") {
			offset = stop + 1
			continue
		}
		return text[:stop], strings.TrimSpace(text[stop+1:])
	}
}

// sentences joins texts that may be empty.
func sentences(texts ...string) string {
	var there []string
	for _, text := range texts {
		if text != "" {
			there = append(there, text)
		}
	}
	return strings.Join(there, " ")
}
