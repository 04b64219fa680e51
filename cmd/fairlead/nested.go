package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/remote"
)

// within tells whether the controller of a holder is a process that this one
// descends from: a task of that run started this run and waits for it.
func within(h remote.Holder) bool {
	name, id, ok := strings.Cut(h.Controller, ":")
	pid, err := strconv.Atoi(id)
	if here, _ := os.Hostname(); !ok || err != nil || name != here {
		return false
	}
	for p := os.Getppid(); p > 1; p = parentOf(p) {
		if p == pid {
			return true
		}
	}
	return false
}

// parentOf is the parent of a process (proc(5), the fourth field of stat), 0 where
// that cannot be told.
func parentOf(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	rest := string(text)[strings.LastIndexByte(string(text), ')')+1:]
	if f := strings.Fields(rest); len(f) > 1 {
		pid, _ = strconv.Atoi(f[1])
		return pid
	}
	return 0
}
