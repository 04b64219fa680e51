//go:build race

package main

// memoryFactor is how many times more memory the race detector may take: it keeps
// several bytes for each one (go.dev/doc/articles/race_detector: five to ten times).
const memoryFactor = 4
