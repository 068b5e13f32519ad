package auth

import (
	"bytes"
	"iter"
	"strings"
)

// entryLines are the lines of a token or htpasswd file that say something, with their numbers. Empty lines and lines that
// begin with # don't.
func entryLines(data []byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for raw := range bytes.Lines(data) {
			number++
			line := strings.TrimSpace(string(raw))
			if line != "" && !strings.HasPrefix(line, "#") && !yield(number, line) {
				return
			}
		}
	}
}

// withLine is a file with one more line at its end.
func withLine(file []byte, line string) []byte {
	file = bytes.Clone(file)
	if len(file) > 0 && !bytes.HasSuffix(file, []byte("\n")) {
		file = append(file, '\n')
	}
	return append(file, line+"\n"...)
}
