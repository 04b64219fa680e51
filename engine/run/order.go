package run

import (
	"fmt"
	"slices"
	"strings"
)

// sortOrder orders hosts as the keyword order: of a play says.
func sortOrder(hosts []*host, order string) ([]*host, error) {
	switch order {
	case "", "inventory", "shuffle": // shuffle: any order will do, and one that can be repeated is better
		return hosts, nil
	}
	hosts = slices.Clone(hosts)
	switch order {
	case "reverse_inventory":
		slices.Reverse(hosts)
	case "sorted":
		slices.SortFunc(hosts, func(a, b *host) int { return strings.Compare(a.Name, b.Name) })
	case "reverse_sorted":
		slices.SortFunc(hosts, func(a, b *host) int { return strings.Compare(b.Name, a.Name) })
	default:
		//lint:ignore ST1005 Ansible's words
		return nil, fmt.Errorf("Invalid 'order' specified for inventory hosts: %s (inventory, reverse_inventory, sorted, reverse_sorted or shuffle)", order)
	}
	return hosts, nil
}
