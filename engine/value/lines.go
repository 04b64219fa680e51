package value

// SplitLines is Python's str.splitlines: the lines without their ends, an empty
// list for an empty text.
func SplitLines(s string) []string {
	out := []string{}
	start := 0
	rs := []rune(s)
	for i := 0; i < len(rs); i++ {
		switch rs[i] {
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		case '\r':
			if i+1 < len(rs) && rs[i+1] == '\n' {
				out = append(out, string(rs[start:i]))
				i++
				start = i + 1
				continue
			}
		default:
			continue
		}
		out = append(out, string(rs[start:i]))
		start = i + 1
	}
	if start < len(rs) {
		out = append(out, string(rs[start:]))
	}
	return out
}
