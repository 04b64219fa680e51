package pki

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// Attribute is one part of a distinguished name.
type Attribute struct {
	OID   asn1.ObjectIdentifier
	Value string
}

type attributeTypeAndValue struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// NewAttribute makes a part of a name; kind is its name or number.
func NewAttribute(kind, text string) (Attribute, error) {
	id, err := OID(kind)
	if err != nil {
		return Attribute{}, err
	}
	switch {
	case (id.String() == oidCountry || id.String() == oidJurisdiction) && len(text) != 2:
		return Attribute{}, Says("Country name must be a 2 character country code")
	case text == "":
		return Attribute{}, Says("Value cannot be an empty string")
	}
	return Attribute{id, text}, nil
}

const (
	oidCountry      = "2.5.4.6"
	oidJurisdiction = "1.3.6.1.4.1.311.60.2.1.3"
)

// stringTags are the attributes that are not written as UTF8String.
var stringTags = map[string]int{
	oidCountry: asn1.TagPrintableString, oidJurisdiction: asn1.TagPrintableString, "2.5.4.5": asn1.TagPrintableString,
	"2.5.4.46": asn1.TagPrintableString, "1.2.840.113549.1.9.1": asn1.TagIA5String, "0.9.2342.19200300.100.1.25": asn1.TagIA5String,
}

func (a Attribute) pair() attributeTypeAndValue {
	tag, ok := stringTags[a.OID.String()]
	if !ok {
		tag = asn1.TagUTF8String
	}
	return attributeTypeAndValue{a.OID, asn1.RawValue{Tag: tag, Bytes: []byte(a.Value)}}
}

// MarshalName writes a distinguished name, one part a step.
func MarshalName(attrs []Attribute) ([]byte, error) {
	steps := make([]asn1.RawValue, len(attrs))
	for i, a := range attrs {
		der, err := marshalSet([]attributeTypeAndValue{a.pair()})
		if err != nil {
			return nil, err
		}
		steps[i].FullBytes = der
	}
	return asn1.Marshal(steps)
}

func marshalSet(parts []attributeTypeAndValue) ([]byte, error) {
	var body [][]byte
	for _, p := range parts {
		der, err := asn1.Marshal(p)
		if err != nil {
			return nil, err
		}
		body = append(body, der)
	}
	slices.SortFunc(body, slices.Compare)
	return asn1.Marshal(asn1.RawValue{Tag: asn1.TagSet, IsCompound: true, Bytes: slices.Concat(body...)})
}

// ParseName reads a distinguished name.
func ParseName(der []byte) ([]Attribute, error) {
	var steps []asn1.RawValue
	if _, err := asn1.Unmarshal(der, &steps); err != nil {
		return nil, err
	}
	var out []Attribute
	for _, s := range steps {
		for rest := s.Bytes; len(rest) > 0; {
			var p attributeTypeAndValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &p); err != nil {
				return nil, err
			}
			out = append(out, Attribute{p.Type, textOf(p.Value)})
		}
	}
	return out, nil
}

// textOf reads a string of whatever kind.
func textOf(v asn1.RawValue) string {
	const bmp = 30
	if v.Tag != bmp {
		return string(v.Bytes)
	}
	var b strings.Builder
	for i := 0; i+1 < len(v.Bytes); i += 2 {
		b.WriteRune(rune(v.Bytes[i])<<8 | rune(v.Bytes[i+1]))
	}
	return b.String()
}

// Tags of a GeneralName (RFC 5280).
const (
	tagOther = iota
	tagEmail
	tagDNS
	tagX400
	tagDirectory
	tagEDI
	tagURI
	tagIP
	tagRegistered
)

var numbers = lazyregexp.New(`^([0-9]+(?:\.[0-9]+)*)$`)
var otherHex = lazyregexp.New(`^([0-9]+(?:\.[0-9]+)*);([0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2})*)$`)

// GeneralName writes a name with its kind in front: DNS:, IP:, email:, URI:, RID:,
// dirName: or otherName:. what says in errors where it stands.
func GeneralName(name, what string) (asn1.RawValue, error) {
	kind, rest, found := strings.Cut(name, ":")
	v, known, err := generalName(kind, rest, name, what)
	switch {
	case err != nil:
		return v, Says("Cannot parse %s %q: %w", what, name, err)
	case !found:
		return v, Says("Cannot parse %s %q (forgot \"DNS:\" prefix?)", what, name)
	case !known:
		return v, Says("Cannot parse %s %q (potentially unsupported by cryptography backend)", what, name)
	}
	der, err := asn1.Marshal(v)
	return asn1.RawValue{FullBytes: der, Class: v.Class, Tag: v.Tag, Bytes: v.Bytes}, err
}

func generalName(kind, rest, name, what string) (v asn1.RawValue, known bool, err error) {
	v.Class = asn1.ClassContextSpecific
	switch kind {
	case "DNS":
		v.Tag = tagDNS
		rest, err = asciiDomain(rest)
		v.Bytes = []byte(rest)
	case "IP":
		v.Tag = tagIP
		v.Bytes, err = addressBytes(rest)
	case "email":
		v.Tag = tagEmail
		if user, host, ok := strings.Cut(rest, "@"); ok {
			host, err = asciiDomain(host)
			rest = user + "@" + host
		}
		v.Bytes = []byte(rest)
	case "URI":
		v.Tag = tagURI
		rest, err = asciiURI(rest)
		v.Bytes = []byte(rest)
	case "RID":
		v.Tag = tagRegistered
		if !numbers().MatchString(rest) {
			return v, true, Says("Cannot parse %s %q", what, name)
		}
		id, err := parseOID(rest)
		if err != nil {
			return v, true, err
		}
		der, err := asn1.Marshal(id)
		if err != nil {
			return v, true, err
		}
		var raw asn1.RawValue
		_, err = asn1.Unmarshal(der, &raw)
		v.Bytes = raw.Bytes
		return v, true, err
	case "otherName":
		v.Tag, v.IsCompound = tagOther, true
		v.Bytes, err = otherName(rest, what)
	case "dirName":
		v.Tag, v.IsCompound = tagDirectory, true
		var attrs []Attribute
		if attrs, err = ParseDN(rest); err == nil {
			slices.Reverse(attrs)
			v.Bytes, err = MarshalName(attrs)
		}
	default:
		return v, false, nil
	}
	return v, true, err
}

func addressBytes(text string) ([]byte, error) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return nil, fmt.Errorf("'%s' does not appear to be an IPv4 or IPv6 address", text)
		}
		return a.AsSlice(), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, fmt.Errorf("'%s' does not appear to be an IPv4 or IPv6 network", text)
	}
	if p.Masked() != p {
		return nil, fmt.Errorf("%s has host bits set", text)
	}
	a := p.Addr().AsSlice()
	mask := make([]byte, len(a))
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return append(a, mask...), nil
}

// asciiDomain writes a domain's labels in ASCII; a star and empty labels stay.
func asciiDomain(name string) (string, error) {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if isASCII(p) {
			continue
		}
		to, err := idna.Registration.ToASCII(p)
		if err != nil {
			if to, err = idna.Lookup.ToASCII(p); err != nil {
				return "", err
			}
		}
		parts[i] = to
	}
	return strings.Join(parts, "."), nil
}

func unicodeDomain(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if strings.HasPrefix(p, "xn--") {
			if to, err := idna.Lookup.ToUnicode(p); err == nil {
				parts[i] = to
			}
		}
	}
	return strings.Join(parts, ".")
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}

func asciiURI(text string) (string, error) {
	if isASCII(text) {
		return text, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	host, err := asciiDomain(u.Hostname())
	if err != nil {
		return "", err
	}
	return strings.Replace(text, u.Hostname(), host, 1), nil
}

// otherName is a number and a value: hexadecimal bytes, or OpenSSL's words for a
// text (UTF8:...).
func otherName(text, what string) ([]byte, error) {
	id, value, ok := strings.Cut(text, ";")
	if !ok {
		return nil, Says("Cannot parse %s otherName %q, must be in the format \"otherName:<OID>;<ASN.1 OpenSSL Encoded String>\" or \"otherName:<OID>;<hex string>\"", what, text)
	}
	var der []byte
	var err error
	if m := otherHex().FindStringSubmatch(text); m != nil {
		for part := range strings.SplitSeq(m[2], ":") {
			n, err := strconv.ParseUint(part, 16, 8)
			if err != nil {
				return nil, err
			}
			der = append(der, byte(n))
		}
	} else if der, err = asn1Text(value); err != nil {
		return nil, err
	}
	number, err := parseOID(id)
	if err != nil {
		return nil, err
	}
	first, err := asn1.Marshal(number)
	if err != nil {
		return nil, err
	}
	second, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: der})
	return append(first, second...), err
}

var asn1Words = lazyregexp.New(`^(?:(IMPLICIT|EXPLICIT):(\d+)([UAPC])?,)?(\w+):(.*)`)

// asn1Text writes a text as OpenSSL's configuration says it: [tagging,]UTF8:text.
func asn1Text(text string) ([]byte, error) {
	m := asn1Words().FindStringSubmatch(text)
	if m == nil {
		return nil, Says("The ASN.1 serialized string must be in the format [modifier,]type[:value]")
	}
	if m[4] != "UTF8" {
		return nil, Says("The ASN.1 serialized string is not a known type %q, only UTF8 types are supported", m[4])
	}
	class := map[string]int{"U": asn1.ClassUniversal, "A": asn1.ClassApplication, "P": asn1.ClassPrivate}
	v := asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(m[5])}
	if m[1] == "" {
		return asn1.Marshal(v)
	}
	tag, err := strconv.Atoi(m[2])
	if err != nil {
		return nil, err
	}
	outer := asn1.RawValue{Tag: tag, Class: asn1.ClassContextSpecific, Bytes: v.Bytes}
	if c, ok := class[m[3]]; ok {
		outer.Class = c
	}
	if m[1] == "EXPLICIT" && outer.Class != asn1.ClassUniversal {
		outer.IsCompound = true
		if outer.Bytes, err = asn1.Marshal(v); err != nil {
			return nil, err
		}
	}
	return asn1.Marshal(outer)
}

var dnStart = lazyregexp.New(`^ *([a-zA-Z0-9._\\\[\]^` + "`" + `]+) *= *`)

// ParseDN reads a name as CN=a, O=b or /O=b/CN=a, in the order in which it stands.
func ParseDN(text string) ([]Attribute, error) {
	refuse := func(err error) error {
		return Says("Error while parsing distinguished name %q: %w", text, err)
	}
	sep := byte(',')
	rest := strings.TrimLeft(text, " \t\r\n")
	if strings.HasPrefix(rest, "/") {
		sep, rest = '/', rest[1:]
	}
	var out []Attribute
	for rest != "" {
		a, left, err := parseRDN(rest, sep)
		if err != nil {
			return nil, refuse(err)
		}
		out = append(out, a)
		if left != "" && (left[0] != sep || len(left) < 2) {
			return nil, refuse(errors.New("unexpected end of string"))
		}
		rest = strings.TrimPrefix(left, string(sep))
	}
	return out, nil
}

// parseRDN reads one part up to a separator; 0 takes all of the rest as it is.
func parseRDN(text string, sep byte) (Attribute, string, error) {
	m := dnStart().FindStringSubmatch(text)
	if m == nil {
		return Attribute{}, "", fmt.Errorf("cannot start part in %q", text)
	}
	id, err := OID(m[1])
	if err != nil {
		return Attribute{}, "", err
	}
	rest := text[len(m[0]):]
	if sep == 0 {
		return Attribute{id, rest}, "", nil
	}
	if strings.HasPrefix(rest, "#") {
		b, err := hex.DecodeString(rest[1:])
		if err != nil {
			return Attribute{}, "", Says("Invalid hex sequence entry %q", rest)
		}
		return Attribute{id, string(b)}, "", nil
	}
	var b []byte
	i := 0
	for i < len(rest) && rest[i] != sep {
		if rest[i] != '\\' || i+1 >= len(rest) {
			b = append(b, rest[i])
			i++
			continue
		}
		if _, err := hex.DecodeString("0" + rest[i+1:i+2]); err != nil {
			b = append(b, rest[i+1])
			i += 2
			continue
		}
		if i+2 >= len(rest) {
			return Attribute{}, "", fmt.Errorf(`Hex escape sequence "\%c" incomplete at end of string`, rest[i+1])
		}
		c, err := hex.DecodeString(rest[i+1 : i+3])
		if err != nil {
			return Attribute{}, "", fmt.Errorf(`Hex escape sequence "\%s" has invalid second letter`, rest[i+1:i+3])
		}
		b = append(b, c...)
		i += 3
	}
	return Attribute{id, string(b)}, rest[i:], nil
}

// decodeGeneralName says a name with its kind in front. encoding is how domains
// are written: ignore (as they stand), idna or unicode.
func decodeGeneralName(v asn1.RawValue, encoding string) (string, error) {
	domain := func(s string) string {
		if encoding == "unicode" {
			return unicodeDomain(s)
		}
		return s
	}
	switch v.Tag {
	case tagDNS:
		return "DNS:" + domain(string(v.Bytes)), nil
	case tagEmail:
		user, host, ok := strings.Cut(string(v.Bytes), "@")
		if ok {
			user += "@" + domain(host)
		}
		return "email:" + user, nil
	case tagURI:
		text := string(v.Bytes)
		if u, err := url.Parse(text); err == nil && u.Hostname() != "" {
			text = strings.Replace(text, u.Hostname(), domain(u.Hostname()), 1)
		}
		return "URI:" + text, nil
	case tagIP:
		return "IP:" + addressText(v.Bytes), nil
	case tagRegistered:
		var id asn1.ObjectIdentifier
		_, err := asn1.UnmarshalWithParams(v.FullBytes, &id, "tag:8")
		return "RID:" + id.String(), err
	case tagDirectory:
		attrs, err := ParseName(v.Bytes)
		if err != nil {
			return "", err
		}
		var parts []string
		for _, a := range slices.Backward(attrs) {
			parts = append(parts, oidShort(a.OID)+"="+escapeDN(a.Value))
		}
		return "dirName:" + strings.Join(parts, ","), nil
	case tagOther:
		var id asn1.ObjectIdentifier
		rest, err := asn1.Unmarshal(v.Bytes, &id)
		if err != nil {
			return "", err
		}
		var inner asn1.RawValue
		if _, err := asn1.Unmarshal(rest, &inner); err != nil {
			return "", err
		}
		return "otherName:" + id.String() + ";" + Hex(inner.Bytes), nil
	}
	return "", Says("Cannot decode name of the kind %d", v.Tag)
}

func addressText(b []byte) string {
	if len(b) == 8 || len(b) == 32 {
		a, _ := netip.AddrFromSlice(b[:len(b)/2])
		bits := 0
		for _, m := range b[len(b)/2:] {
			for ; m&0x80 != 0; m <<= 1 {
				bits++
			}
		}
		return netip.PrefixFrom(a, bits).String()
	}
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

func escapeDN(s string) string {
	s = strings.NewReplacer(`\`, `\\`, ",", `\,`, "+", `\+`, "<", `\<`, ">", `\>`, ";", `\;`, `"`, `\"`, "\x00", `\00`).Replace(s)
	if strings.HasPrefix(s, " ") || strings.HasPrefix(s, "#") {
		s = `\` + s
	}
	if strings.HasSuffix(s, " ") {
		s = s[:len(s)-1] + `\ `
	}
	return s
}

// Hex writes bytes as pairs of digits with colons between them.
func Hex(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = fmt.Sprintf("%02x", c)
	}
	return strings.Join(parts, ":")
}

// ParseHex reads what Hex writes.
func ParseHex(s string) ([]byte, error) { return hex.DecodeString(strings.ReplaceAll(s, ":", "")) }

// Says makes an error in the words of the original, which begin as sentences do.
func Says(format string, args ...any) error { return fmt.Errorf(format, args...) }
