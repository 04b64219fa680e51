package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/inventory"
)

// sortOrder orders hosts as the keyword order: of a play says.
func sortOrder(hosts []*inventory.Host, order string) ([]*inventory.Host, error) {
	switch order {
	case "reverse_inventory":
		slices.Reverse(hosts)
	case "sorted":
		slices.SortFunc(hosts, func(a, b *inventory.Host) int { return strings.Compare(a.Name, b.Name) })
	case "reverse_sorted":
		slices.SortFunc(hosts, func(a, b *inventory.Host) int { return strings.Compare(b.Name, a.Name) })
	default:
		return nil, fmt.Errorf("order is %q; it can be inventory, reverse_inventory, sorted, reverse_sorted or shuffle", order)
	}
	return hosts, nil
}
