//go:build race

package main

// raceFlag builds the program under test like the tests themselves: with the race detector.
const raceFlag = "-race=true"
