package order

import (
	"bytes"
	"fmt"
	"strconv"
)

// sizeSlack is by how many bytes answers to creates may differ: times are written without the zeros at their end.
const sizeSlack = 32

// Created checks the answers of one client's creates, without decoding them, which would cost more than serving them.
type Created struct {
	requests *Unique
	size     int
	last     []byte
	lastID   string
	idAfter  []byte
	idLength int
}

// NewCreated makes a check that every answer has the key of the request that was made last, is as large as the first
// one, and names a new resource: by an id of a fixed length that follows the last occurrence of a text.
func NewCreated(requests *Unique, idAfter string, idLength int) *Created {
	return &Created{requests: requests, idAfter: []byte(idAfter), idLength: idLength}
}

// Check checks an answer.
func (c *Created) Check(answer []byte) error {
	if c.size == 0 {
		c.size = len(answer)
	}
	if len(answer) < c.size-sizeSlack || len(answer) > c.size+sizeSlack {
		return fmt.Errorf("%d bytes, the first answer had %d: %.200q", len(answer), c.size, answer)
	}
	if !bytes.Contains(answer, c.requests.Key()) {
		return fmt.Errorf("the answer does not have the key %s: %.200q", c.requests.Key(), answer)
	}
	begin := bytes.LastIndex(answer, c.idAfter) + len(c.idAfter)
	if begin < len(c.idAfter) || len(answer) < begin+c.idLength {
		return fmt.Errorf("no id in %.200q", answer)
	}
	id := string(answer[begin : begin+c.idLength])
	if id == c.lastID {
		return fmt.Errorf("%s was created twice", id)
	}
	c.lastID, c.last = id, append(c.last[:0], answer...)
	return nil
}

// Last is the last answer, and the id in it.
func (c *Created) Last() (id string, answer []byte) { return c.lastID, c.last }

// Growing makes a check, for one client, that a number is larger in each answer than in the one before.
func Growing(number func(answer []byte) (int64, error)) func([]byte) error {
	last := int64(-1)
	return func(answer []byte) error {
		n, err := number(answer)
		if err != nil {
			return fmt.Errorf("answer %.200q: %w", answer, err)
		}
		if n <= last {
			return fmt.Errorf("%d after %d", n, last)
		}
		last = n
		return nil
	}
}

// NumberAfter finds the decimal number after a text.
func NumberAfter(text string) func([]byte) (int64, error) {
	before := []byte(text)
	return func(answer []byte) (int64, error) {
		_, rest, _ := bytes.Cut(answer, before)
		end := 0
		for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
			end++
		}
		return strconv.ParseInt(string(rest[:end]), 10, 64)
	}
}
