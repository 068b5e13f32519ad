package report

import (
	"strings"
	"unicode/utf8"
)

// table is a Markdown table.
type table struct {
	header []string
	rows   [][]string
}

// add adds a row; cells that are missing at its end are empty.
func (t *table) add(cells ...string) {
	t.rows = append(t.rows, append(cells, make([]string, len(t.header)-len(cells))...))
}

func (t *table) String() string {
	if len(t.rows) == 0 {
		return ""
	}
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	line := func(cells []string, pad string) {
		for i, cell := range cells {
			text.WriteString("| " + cell + strings.Repeat(pad, widths[i]-utf8.RuneCountInString(cell)) + " ")
		}
		text.WriteString("|\n")
	}
	line(t.header, " ")
	line(make([]string, len(t.header)), "-")
	for _, row := range t.rows {
		line(row, " ")
	}
	return text.String()
}
