//go:build !race

package main

// raceFlag builds the program under test like the tests themselves: without the race detector.
const raceFlag = "-race=false"
