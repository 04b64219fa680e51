package main

import (
	"testing"

	"github.com/spf13/pflag"
)

func TestAbbreviate(t *testing.T) {
	t.Parallel()
	fl := pflag.NewFlagSet("x", pflag.ContinueOnError)
	inventory := fl.StringArray("inventory", nil, "")
	hosts := fl.Bool("list-hosts", false, "")
	fl.Bool("list-tags", false, "")
	extra := fl.String("extra-vars", "", "")
	alias(fl, map[string]string{"inventory-file": "inventory"})
	abbreviate(fl)
	if err := fl.Parse([]string{"--inv", "a", "--list-h", "--extra=x=1", "--inventory-file", "b"}); err != nil {
		t.Fatal(err)
	}
	if len(*inventory) != 2 || !*hosts || *extra != "x=1" {
		t.Errorf("%v %v %v", *inventory, *hosts, *extra)
	}
	for _, args := range [][]string{{"--list"}, {"--listen"}, {"--x"}} {
		if err := fl.Parse(args); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}
