package run

import (
	"fmt"
	"slices"
	"strings"
)

// sortOrder orders hosts as the keyword order: of a play says.
func sortOrder(hosts []*host, order string) ([]*host, error) {
	switch order {
	case "reverse_inventory":
		slices.Reverse(hosts)
	case "sorted":
		slices.SortFunc(hosts, func(a, b *host) int { return strings.Compare(a.Name, b.Name) })
	case "reverse_sorted":
		slices.SortFunc(hosts, func(a, b *host) int { return strings.Compare(b.Name, a.Name) })
	default:
		return nil, fmt.Errorf("order is %q; it can be inventory, reverse_inventory, sorted, reverse_sorted or shuffle", order)
	}
	return hosts, nil
}
