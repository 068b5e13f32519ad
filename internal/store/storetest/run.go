// Package storetest is the conformance suite of order.Store: what every store must do, whatever database it uses.
package storetest

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"ordermanagement/internal/order"
)

// Open opens a database. Each Open has a database of its own, empty at first, and opens the same one each time.
type Open func(t *testing.T) order.Store

// Run runs the suite. It calls setup for each test. Stores are closed by the suite.
func Run(t *testing.T, setup func(t *testing.T) Open) {
	cases := map[string]func(t *testing.T, open Open){
		"documents":                   testDocuments,
		"large changes":               testLargeChanges,
		"conflicts":                   testConflicts,
		"conflicts within a change":   testConflictsWithin,
		"impossible changes":          testImpossibleChanges,
		"unique values":               testUniqueValues,
		"all or nothing":              testAllOrNothing,
		"deleted orders":              testDeleted,
		"search":                      testSearch,
		"pages of large documents":    testLargePages,
		"lists while others insert":   testListsWhileInserting,
		"outcomes":                    testOutcomes,
		"outcomes of what was found":  testFound,
		"outcomes expire":             testExpiry,
		"sweep":                       testSweep,
		"outcomes of tenants":         testOutcomeTenants,
		"one of many updates wins":    testOptimisticUpdates,
		"one of many keys wins":       testKeyRace,
		"each gets its own answer":    testOwnAnswers,
		"reads see what was answered": testReadYourWrites,
		"reads never go back":         testMonotonicReads,
		"use after close":             testClosed,
		"close waits":                 testCloseWaits,
		"ended contexts":              testContexts,
		"reopen":                      testReopen,
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) { test(t, setup(t)) })
	}
	t.Run("orders", func(t *testing.T) { testKind(t, setup, orders) })
	t.Run("products", func(t *testing.T) { testKind(t, setup, products) })
	t.Run("shipments", func(t *testing.T) { testKind(t, setup, shipments) })
}

// start opens a store that is closed with the test.
func start(t *testing.T, open Open) order.Store {
	t.Helper()
	store := open(t)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return store
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\ngot  %s\nwant %s", what, text(got), text(want))
	}
}

func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}

// conflicts checks that the change is refused for that reason, in all details.
func conflicts(t *testing.T, store order.Store, change *order.Change, want order.ConflictError) {
	t.Helper()
	err := store.Apply(t.Context(), change)
	var conflict *order.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("Apply: %v, want %v", err, &want)
	}
	equal(t, "conflict", *conflict, want)
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func ok(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
