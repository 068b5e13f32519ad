package main

import (
	"regexp"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"ordermanagement/bench/report"
)

func TestEveryTargetHasARow(t *testing.T) {
	var got []report.Target
	names := make(map[string]bool)
	for _, r := range rows() {
		if names[r.name()] {
			t.Errorf("two rows are called %q", r.name())
		}
		names[r.name()] = true
		if r.target != (report.Target{}) {
			got = append(got, r.target)
		}
	}
	want := []report.Target{
		{RPS: 1, CPU: 0.9, Mark: 0.6}, {RPS: 5, CPU: 0.25}, {RPS: 3.5, CPU: 0.25, Mark: 2}, {RPS: 1.4},
		{RPS: 1}, {RPS: 1.5}, {RPS: 6}, {RPS: 6},
		{CPU: 1.05}, {CPU: 1.05}, {CPU: 1.05}, {CPU: 1.05}, {CPU: 1.05},
		{RPS: 0.7}, {RPS: 0.7}, {RPS: 0.7},
	}
	if !slices.Equal(got, want) {
		t.Errorf("targets: %v\nwant: %v", got, want)
	}
	var limits []float64
	for _, q := range quantities() {
		limits = append(limits, q.target)
	}
	if !slices.Equal(limits, []float64{64, 96, 50, 0, 2, 16}) {
		t.Errorf("limits: %v", limits)
	}
}

func TestChosen(t *testing.T) {
	if n := len(chosen(rows(), regexp.MustCompile("(?i)createorder.*pocketbase"))); n != 2 {
		t.Errorf("%d rows against PocketBase", n)
	}
	if all := chosen(rows(), regexp.MustCompile("")); len(all) != len(rows()) {
		t.Errorf("%d of %d rows", len(all), len(rows()))
	}
}

func TestFreeAddressesDiffer(t *testing.T) {
	addresses, err := freeAddresses(3)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(addresses)
	if len(slices.Compact(addresses)) != 3 {
		t.Errorf("%v", addresses)
	}
}

// putAnswer is a PutResponse as etcd writes it.
func putAnswer(revision uint64) []byte {
	header := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1<<63)
	header = protowire.AppendVarint(protowire.AppendTag(header, headerRevision, protowire.VarintType), revision)
	header = protowire.AppendVarint(protowire.AppendTag(header, 4, protowire.VarintType), 2)
	return protowire.AppendBytes(protowire.AppendTag(nil, answerHeader, protowire.BytesType), header)
}

func TestPutRevision(t *testing.T) {
	if got, err := putRevision(putAnswer(300)); err != nil || got != 300 {
		t.Errorf("%d, %v", got, err)
	}
	answer := putAnswer(300)
	for end := range answer[:len(answer)-2] { // the last field is not read
		if _, err := putRevision(answer[:end]); err == nil {
			t.Errorf("the first %d bytes have a revision", end)
		}
	}
}

func FuzzPutRevision(f *testing.F) {
	f.Add(putAnswer(1))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, _ = putRevision(answer) // must not panic
	})
}
