// Package corpus holds one corpus of cases, written as data in testdata, which the tests run over every way into the
// service: gRPC over TLS under both names of v1, REST through `serve`, and REST through a separate `gateway`. Each case
// runs in tenants of its own; what the ways answered is then compared, headers and trailers included.
//
// A call is said once, by its gRPC method and its messages in ProtoJSON; its HTTP request follows from the contract's
// google.api.http annotation. testdata/README.md describes the format.
package corpus

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Case is a list of steps in a tenant of its own.
type Case struct {
	Name string `json:"name"`
	// Server is which profile of server it needs: "default", "retired", "announced" or "plaintext".
	Server string `json:"server"`
	// Smoke cases run in plaintext and without authentication too, all in one tenant.
	Smoke bool `json:"smoke"`
	// Tenant is the tenant when it is not the case's own.
	Tenant string `json:"tenant"`
	// Steps are kept as they were read: variables are put in when a step's turn comes.
	Steps []map[string]any `json:"steps"`

	id int // the number of the case, which names its tenants and tokens
}

// Step is one call or one HTTP request, and what must come of it.
type Step struct {
	Why  string   `json:"why"`  // a word about it, for whoever reads the failure
	Only []string `json:"only"` // the transports that can do this: their names or protocols

	Call        string            `json:"call"` // "package.Service/Method"
	Path        string            `json:"path"` // of gRPC, when it is not the method's
	As          string            `json:"as"`   // the caller; "owner" when absent
	Metadata    map[string]Values `json:"metadata"`
	Request     any               `json:"request"`
	Requests    []any             `json:"requests"` // of a stream of requests
	Undecodable *Undecodable      `json:"undecodable"`
	Dialog      []Turn            `json:"dialog"` // of a stream whose two directions depend on each other

	HTTP    string            `json:"http"` // "POST /v1/orders"
	Headers map[string]Values `json:"headers"`
	Body    Bytes             `json:"body"`
	Chunked bool              `json:"chunked"` // the length of the body is not told in advance

	Reason  string         `json:"reason"`  // the reason of the error; absent: there is none
	Code    string         `json:"code"`    // the gRPC code, when there is no reason that says it
	Status  int            `json:"status"`  // the HTTP code, likewise
	Fields  []string       `json:"fields"`  // exactly the fields that the error complains about
	Details []any          `json:"details"` // parts of details that the error must have
	Answer  any            `json:"answer"`  // part of the one answer
	Answers []any          `json:"answers"` // parts of all answers
	Count   *int           `json:"count"`   // how many answers, when they don't matter themselves
	Header  map[string]any `json:"header"`  // by metadata key, or HTTP name in an HTTP step; null: must not be there
	Trailer map[string]any `json:"trailer"`
	Changes bool           `json:"changes"` // something has changed although it failed
	Save    string         `json:"save"`    // the variable that holds the answer (or the list of them) from now on

	Vars map[string]any `json:"vars"` // of a row of `each`
}

// Turn is one side's part in a dialog; exactly one field is set.
type Turn struct {
	Send        []any        `json:"send"`
	Undecodable *Undecodable `json:"undecodable"`
	Receive     []any        `json:"receive"` // parts of exactly that many answers
	Close       bool         `json:"close"`   // the requests end
	Cancel      bool         `json:"cancel"`  // the client goes away
}

// Undecodable is a message that can't be read, on each protocol.
type Undecodable struct {
	Protobuf Bytes `json:"protobuf"`
	JSON     Bytes `json:"json"`
}

// Values is one text or a list of them.
type Values []string

// UnmarshalJSON implements json.Unmarshaler.
func (v *Values) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*v = Values{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return fmt.Errorf("neither a text nor a list of texts: %s", data)
	}
	*v = many
	return nil
}

// Bytes is a text, or a list of texts and {hex: …}.
type Bytes []byte

// UnmarshalJSON implements json.Unmarshaler.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if json.Unmarshal(data, &parts) != nil {
		parts = []json.RawMessage{data}
	}
	*b = Bytes{}
	for _, part := range parts {
		var text string
		if json.Unmarshal(part, &text) == nil {
			*b = append(*b, text...)
			continue
		}
		var encoded struct {
			Hex string `json:"hex"`
		}
		if err := json.Unmarshal(part, &encoded); err != nil {
			return fmt.Errorf("neither a text nor {hex: …}: %s", part)
		}
		decoded, err := hex.DecodeString(encoded.Hex)
		if err != nil {
			return err
		}
		*b = append(*b, decoded...)
	}
	return nil
}
