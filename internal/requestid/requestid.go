// Package requestid names calls, so that what server and gateway log of one can be found by what its caller was answered.
package requestid

import "github.com/google/uuid"

// Key is the metadata key of a call's id; the HTTP header has the same name.
const Key = "x-request-id"

// maxBytes is how long an id may be.
const maxBytes = 128

// Of is the id that the caller gave, if it is the only one and fit for logs, or a new one that sorts by time.
func Of(given []string) string {
	if len(given) == 1 && valid(given[0]) {
		return given[0]
	}
	return uuid.Must(uuid.NewV7()).String() // fails only without a source of randomness, without which nothing is safe
}

// valid says whether an id has nothing that could break a log line.
func valid(id string) bool {
	for _, c := range []byte(id) {
		if c-'a' >= 26 && c-'A' >= 26 && c-'0' >= 10 && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return id != "" && len(id) <= maxBytes
}
