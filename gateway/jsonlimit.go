package gateway

import "fmt"

// What one body or one record may hold. The bytes alone don't bound the memory that decoding takes: `{},` makes a message
// of hundreds of bytes out of three.
const (
	// maxObjects is how many JSON objects there may be. Bodies of the contract have thousands at most: an order has a
	// thousand line items, of some objects each.
	maxObjects = 50_000
	// maxElements is how many members and elements, after the first of each object and array, there may be.
	maxElements = 500_000
)

// excess tells what JSON has too much of; "" if nothing.
func excess(data []byte) string {
	if len(data) <= min(maxObjects, maxElements) { // each takes a byte
		return ""
	}
	switch objects, elements := countJSON(data); {
	case objects > maxObjects:
		return fmt.Sprintf("has more than %d JSON objects; split it", maxObjects)
	case elements > maxElements:
		return fmt.Sprintf("has more than %d JSON elements; split it", maxElements)
	}
	return ""
}

// countJSON counts the objects in JSON, and the commas. Where it is no JSON, it counts what a decoder sees before it
// notices that, or more.
func countJSON(data []byte) (objects, commas int) {
	quoted := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
			if c == '\\' {
				i++ // what it escapes, be it a quote
			}
		case c == '{':
			objects++
		case c == ',':
			commas++
		}
	}
	return objects, commas
}
