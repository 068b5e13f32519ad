package report

import (
	"fmt"
	"slices"
	"strings"
)

// notes are what a reader has to know of what a table names, below it.
type notes struct {
	said  []string // of what
	lines []string
}

// add adds a note, unless there is one of the same.
func (n *notes) add(what, note string) {
	if note == "" || slices.Contains(n.said, what) {
		return
	}
	n.said = append(n.said, what)
	n.lines = append(n.lines, fmt.Sprintf("\n- %s: %s.", what, note))
}

func (n *notes) String() string {
	if len(n.lines) == 0 {
		return ""
	}
	return strings.Join(n.lines, "") + "\n"
}
