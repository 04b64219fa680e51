package jinja

import (
	"errors"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// hashids is the scheme of hashids.org: numbers as short texts.
type hashids struct {
	salt, letters, separators, guards []rune
	minLength                         int
}

const hashidsAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890"

// reorder shuffles letters by a salt.
func reorder(letters, salt []rune) []rune {
	out := slices.Clone(letters)
	if len(salt) == 0 {
		return out
	}
	index, sum := 0, 0
	for i := len(out) - 1; i > 0; i-- {
		n := int(salt[index])
		sum += n
		j := (n + index + sum) % i
		out[i], out[j] = out[j], out[i]
		index = (index + 1) % len(salt)
	}
	return out
}

func ceilDiv(n, byTenths int) int { return (n*10 + byTenths - 1) / byTenths }

func newHashids(b *Bound) (*hashids, error) {
	h := &hashids{salt: []rune(b.Str("salt", "")), minLength: min(max(b.Int("min_length", 0), 0), 1000)}
	given := b.Str("alphabet", "")
	if given == "" {
		given = hashidsAlphabet
	}
	for _, r := range "cfhistuCFHISTU" {
		if strings.ContainsRune(given, r) {
			h.separators = append(h.separators, r)
		}
	}
	for _, r := range given {
		if !slices.Contains(h.letters, r) && !slices.Contains(h.separators, r) {
			h.letters = append(h.letters, r)
		}
	}
	if len(h.letters)+len(h.separators) < 16 {
		return nil, errors.New("an alphabet must contain at least 16 unique characters")
	}
	h.separators = reorder(h.separators, h.salt)
	if missing := ceilDiv(len(h.letters), 35) - len(h.separators); missing > 0 {
		h.separators = append(h.separators, h.letters[:missing]...)
		h.letters = h.letters[missing:]
	}
	h.letters = reorder(h.letters, h.salt)
	n := ceilDiv(len(h.letters), 120)
	if len(h.letters) < 3 {
		h.guards, h.separators = h.separators[:n], h.separators[n:]
	} else {
		h.guards, h.letters = h.letters[:n], h.letters[n:]
	}
	return h, b.Err
}

// next is the order of letters behind the lottery character.
func (h *hashids) next(letters []rune, lottery rune) []rune {
	salt := append(append([]rune{lottery}, h.salt...), letters...)
	return reorder(letters, salt[:len(letters)])
}

func (h *hashids) encode(numbers []int64) string {
	if len(numbers) == 0 {
		return ""
	}
	total := int64(0)
	for i, n := range numbers {
		total += n % int64(i+100)
	}
	letters := h.letters
	lottery := letters[total%int64(len(letters))]
	out := []rune{lottery}
	for i, n := range numbers {
		letters = h.next(letters, lottery)
		var word []rune
		for rest := n; ; {
			word = append([]rune{letters[rest%int64(len(letters))]}, word...)
			if rest /= int64(len(letters)); rest == 0 {
				break
			}
		}
		out = append(out, word...)
		if i+1 < len(numbers) {
			out = append(out, h.separators[n%(int64(word[0])+int64(i))%int64(len(h.separators))])
		}
	}
	return string(h.lengthen(out, letters, total))
}

// lengthen brings a text to the least length.
func (h *hashids) lengthen(out, letters []rune, total int64) []rune {
	if len(out) >= h.minLength {
		return out
	}
	guard := func(of rune) rune { return h.guards[(total+int64(of))%int64(len(h.guards))] }
	out = append([]rune{guard(out[0])}, out...)
	if len(out) < h.minLength {
		out = append(out, guard(out[2]))
	}
	half := len(letters) / 2
	for len(out) < h.minLength {
		letters = reorder(letters, letters)
		out = append(append(slices.Clone(letters[half:]), out...), letters[:half]...)
		if excess := len(out) - h.minLength; excess > 0 {
			out = out[excess/2 : excess/2+h.minLength]
		}
	}
	return out
}

func (h *hashids) decode(s string) []int64 {
	in := func(set []rune) func(r rune) bool { return func(r rune) bool { return slices.Contains(set, r) } }
	parts := splitFunc(s, in(h.guards))
	body := []rune(parts[0])
	if len(parts) == 2 || len(parts) == 3 {
		body = []rune(parts[1])
	}
	if len(body) == 0 {
		return nil
	}
	letters := h.letters
	var out []int64
	for _, word := range splitFunc(string(body[1:]), in(h.separators)) {
		letters = h.next(letters, body[0])
		n := int64(0)
		for _, r := range word {
			at := slices.Index(letters, r)
			if at < 0 {
				return nil
			}
			n = n*int64(len(letters)) + int64(at)
		}
		out = append(out, n)
	}
	if h.encode(out) != s {
		return nil
	}
	return out
}

// splitFunc splits at every single character of a set.
func splitFunc(s string, at func(r rune) bool) []string {
	parts := []string{}
	last := 0
	for i, r := range s {
		if at(r) {
			parts = append(parts, s[last:i])
			last = i + len(string(r))
		}
	}
	return append(parts, s[last:])
}

func hashidsEncode(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	h, err := newHashids(b)
	if err != nil {
		return in, err
	}
	items := []value.Value{in}
	if in.Kind() == value.KindList {
		items = in.Items()
	}
	var numbers []int64
	for _, it := range items {
		n, ok := it.AsInt()
		if !ok || n < 0 {
			return strResult("") // as the Python library does
		}
		numbers = append(numbers, n)
	}
	return strResult(h.encode(numbers))
}

func hashidsDecode(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	h, err := newHashids(b)
	if err != nil || text(in) == "" {
		return value.List(), err
	}
	out := []value.Value{}
	for _, n := range h.decode(text(in)) {
		out = append(out, value.Int(n))
	}
	return value.List(out...), nil
}
