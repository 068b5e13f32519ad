package order

import (
	"encoding/base64"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func TestSame(t *testing.T) {
	want, err := Draft()
	if err != nil {
		t.Fatal(err)
	}
	body, err := protojson.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	check := Same(want, protojson.Unmarshal)
	for range 2 {
		if err := check(body); err != nil {
			t.Errorf("the order itself: %v", err)
		}
	}
	if err := check(append([]byte(" "), body...)); err != nil {
		t.Errorf("another form of it: %v", err)
	}
	for name, wrong := range map[string][]byte{
		"empty":     nil,
		"no JSON":   body[:len(body)-1],
		"another":   []byte(strings.Replace(string(body), "Lisboa", "Porto", 1)),
		"too short": []byte(`{}`),
	} {
		if check(wrong) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestSameBoundsForms(t *testing.T) {
	want, err := Draft()
	if err != nil {
		t.Fatal(err)
	}
	check := Same(want, func(_ []byte, m proto.Message) error { proto.Merge(m, want); return nil })
	for i := range maxForms {
		if err := check([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if check([]byte{maxForms}) == nil {
		t.Error("every answer is a new form, and passes")
	}
}

func TestUniqueAscendsOverClients(t *testing.T) {
	var counter atomic.Int64
	message := []byte(`{"key":"` + Key + `"}`)
	plain := func(key []byte) []byte { return key }
	a, err := NewUnique(&counter, message, plain)
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewUnique(&counter, message, plain)
	if err != nil {
		t.Fatal(err)
	}
	last := string(message)
	for range 6 {
		for _, client := range []*Unique{a, b} {
			next := string(client.Next())
			if len(next) != len(last) || next <= last {
				t.Errorf("%s after %s", next, last)
			}
			if !strings.Contains(next, string(client.Key())) {
				t.Errorf("%s does not have the key %s", next, client.Key())
			}
			last = next
		}
	}
}

func TestUniqueEncodes(t *testing.T) {
	inBase64 := func(key []byte) []byte { return base64.StdEncoding.AppendEncode(nil, key) }
	u, err := NewUnique(new(atomic.Int64), inBase64([]byte(Key)), inBase64)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(string(u.Next()))
	if err != nil || string(key) != string(u.Key()) || string(key) == Key {
		t.Errorf("%s, %v; want %s", key, err, u.Key())
	}
	for _, message := range []string{"", Key + Key} {
		if _, err := NewUnique(new(atomic.Int64), []byte(message), func(key []byte) []byte { return key }); err == nil {
			t.Errorf("%q has its key once", message)
		}
	}
}

func TestCreated(t *testing.T) {
	u, err := NewUnique(new(atomic.Int64), []byte(Key), func(key []byte) []byte { return key })
	if err != nil {
		t.Fatal(err)
	}
	answer := func(id string) string {
		return `{"customer":{"id":"abc"},"key":"` + string(u.Key()) + `","id":"` + id + `"}`
	}
	check := NewCreated(u, `"id":"`, 3)
	u.Next()
	if err := check.Check([]byte(answer("001"))); err != nil {
		t.Fatal(err)
	}
	old := answer("002")
	u.Next()
	for name, wrong := range map[string]string{
		"the key of another request": old,
		"the same id again":          answer("001"),
		"a cut id":                   strings.TrimSuffix(answer("0"), `"}`),
		"no id":                      strings.ReplaceAll(answer("002"), `"id"`, `"no"`),
		"too long":                   answer("002") + strings.Repeat(" ", sizeSlack+1),
		"empty":                      "",
	} {
		if check.Check([]byte(wrong)) == nil {
			t.Errorf("%s passes", name)
		}
	}
	want := answer("002")
	if err := check.Check([]byte(want)); err != nil {
		t.Error(err)
	}
	if id, last := check.Last(); id != "002" || string(last) != want {
		t.Errorf("last: %s, %s", id, last)
	}
}

func TestGrowing(t *testing.T) {
	check := Growing(NumberAfter(`"revision":"`))
	for _, step := range []struct {
		answer string
		ok     bool
	}{
		{`{"revision":"9"}`, true},
		{`{"revision":"10"}`, true},
		{`{"revision":"10"}`, false},
		{`{"revision":"9"}`, false},
		{`{"revision":""}`, false},
		{`{}`, false},
		{``, false},
		{`{"revision":"11`, true},
	} {
		if err := check([]byte(step.answer)); (err == nil) != step.ok {
			t.Errorf("%s: %v", step.answer, err)
		}
	}
	broken := errors.New("broken")
	if err := Growing(func([]byte) (int64, error) { return 0, broken })(nil); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}
