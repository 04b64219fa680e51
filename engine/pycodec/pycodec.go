// Package pycodec writes and reads text in the character sets that Python's
// str.encode and bytes.decode know by name, for b64encode(encoding=...) and
// the output_encoding of templates.
package pycodec

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// key is a codec's name without what Python does not look at.
func key(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_ .", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

var tables = map[string]encoding.Encoding{
	"cp437": charmap.CodePage437, "cp850": charmap.CodePage850, "cp852": charmap.CodePage852, "cp855": charmap.CodePage855,
	"cp858": charmap.CodePage858, "cp860": charmap.CodePage860, "cp862": charmap.CodePage862, "cp863": charmap.CodePage863,
	"cp865": charmap.CodePage865, "cp866": charmap.CodePage866, "koi8r": charmap.KOI8R, "koi8u": charmap.KOI8U,
	"macroman": charmap.Macintosh, "maccyrillic": charmap.MacintoshCyrillic, "cp874": charmap.Windows874,
	"cp1250": charmap.Windows1250, "cp1251": charmap.Windows1251, "cp1252": charmap.Windows1252, "cp1253": charmap.Windows1253,
	"cp1254": charmap.Windows1254, "cp1255": charmap.Windows1255, "cp1256": charmap.Windows1256, "cp1257": charmap.Windows1257,
	"cp1258":   charmap.Windows1258,
	"iso88592": charmap.ISO8859_2, "iso88593": charmap.ISO8859_3, "iso88594": charmap.ISO8859_4, "iso88595": charmap.ISO8859_5,
	"iso88596": charmap.ISO8859_6, "iso88597": charmap.ISO8859_7, "iso88598": charmap.ISO8859_8, "iso88599": charmap.ISO8859_9,
	"iso885910": charmap.ISO8859_10, "iso885913": charmap.ISO8859_13, "iso885914": charmap.ISO8859_14,
	"iso885915": charmap.ISO8859_15, "iso885916": charmap.ISO8859_16,
	"shiftjis": japanese.ShiftJIS, "sjis": japanese.ShiftJIS, "eucjp": japanese.EUCJP, "iso2022jp": japanese.ISO2022JP,
	"euckr": korean.EUCKR, "gbk": simplifiedchinese.GBK, "cp936": simplifiedchinese.GBK, "gb2312": simplifiedchinese.GBK,
	"gb18030": simplifiedchinese.GB18030, "big5": traditionalchinese.Big5,
}

var aliases = map[string]string{
	"utf8": "utf8", "u8": "utf8", "utf": "utf8", "cp65001": "utf8", "utf8sig": "utf8sig",
	"ascii": "ascii", "usascii": "ascii", "646": "ascii", "latin1": "latin1", "iso88591": "latin1", "latin": "latin1", "l1": "latin1",
	"8859": "latin1", "cp819": "latin1", "latin2": "iso88592", "latin9": "iso885915", "latin15": "iso885915", "l9": "iso885915",
}

// named gives the canonical key of a codec and its table, if it is one.
func named(name string) (string, encoding.Encoding, error) {
	k := key(name)
	if a, ok := aliases[k]; ok {
		k = a
	}
	k = strings.Replace(k, "windows", "cp", 1)
	if t, ok := tables[k]; ok {
		return k, t, nil
	}
	switch k {
	case "utf8", "utf8sig", "ascii", "latin1", "utf16", "utf16le", "utf16be", "utf32", "utf32le", "utf32be":
		return k, nil, nil
	}
	return "", nil, fmt.Errorf("unknown encoding: %s", name)
}

// Known tells whether there is a codec of that name.
func Known(name string) bool {
	_, _, err := named(name)
	return err == nil
}

// Encode writes text as the bytes of a character set.
func Encode(s, name string) (string, error) {
	k, table, err := named(name)
	if err != nil {
		return "", err
	}
	if table != nil {
		out, err := table.NewEncoder().String(s)
		if err != nil {
			return "", fmt.Errorf("'%s' codec can't encode the text: a character is not in it", name)
		}
		return out, nil
	}
	switch k {
	case "ascii":
		return narrow(s, 0x80, name)
	case "latin1":
		return narrow(s, 0x100, name)
	case "utf8sig":
		return "\ufeff" + s, nil
	case "utf8":
		return s, nil
	}
	return wide(s, k), nil
}

func narrow(s string, limit rune, name string) (string, error) {
	out := make([]byte, 0, len(s))
	at := 0
	for _, r := range s {
		if r >= limit {
			return "", fmt.Errorf("'%s' codec can't encode character %+q in position %d: ordinal not in range(%d)", name, r, at, limit)
		}
		out = append(out, byte(r))
		at++
	}
	return string(out), nil
}

func wide(s, k string) string {
	var order binary.AppendByteOrder = binary.LittleEndian
	if strings.HasSuffix(k, "be") {
		order = binary.BigEndian
	}
	var out []byte
	if strings.HasPrefix(k, "utf16") {
		if k == "utf16" {
			out = order.AppendUint16(out, 0xfeff)
		}
		for _, u := range utf16.Encode([]rune(s)) {
			out = order.AppendUint16(out, u)
		}
		return string(out)
	}
	if k == "utf32" {
		out = order.AppendUint32(out, 0xfeff)
	}
	for _, r := range s {
		out = order.AppendUint32(out, uint32(r))
	}
	return string(out)
}

// Decode reads bytes of a character set as text.
func Decode(b, name string) (string, error) {
	k, table, err := named(name)
	if err != nil {
		return "", err
	}
	if table != nil {
		return table.NewDecoder().String(b)
	}
	switch k {
	case "utf8", "utf8sig":
		if k == "utf8sig" {
			b = strings.TrimPrefix(b, "\ufeff")
		}
		if !utf8.ValidString(b) {
			return "", fmt.Errorf("'utf-8' codec can't decode the bytes")
		}
		return b, nil
	case "ascii", "latin1":
		rs := make([]rune, len(b))
		for i := range len(b) {
			if k == "ascii" && b[i] >= 0x80 {
				return "", fmt.Errorf("'ascii' codec can't decode byte 0x%02x in position %d: ordinal not in range(128)", b[i], i)
			}
			rs[i] = rune(b[i])
		}
		return string(rs), nil
	}
	return narrowed(b, k, name)
}

func narrowed(b, k, name string) (string, error) {
	unit := 4
	if strings.HasPrefix(k, "utf16") {
		unit = 2
	}
	if len(b)%unit != 0 {
		return "", fmt.Errorf("'%s' codec can't decode the bytes: truncated data", name)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasSuffix(k, "be") {
		order = binary.BigEndian
	}
	units := make([]uint32, 0, len(b)/unit)
	for i := 0; i < len(b); i += unit {
		if unit == 2 {
			units = append(units, uint32(order.Uint16([]byte(b[i:i+2]))))
		} else {
			units = append(units, order.Uint32([]byte(b[i:i+4])))
		}
	}
	if len(units) > 0 && (k == "utf16" || k == "utf32") {
		switch units[0] {
		case 0xfeff:
			units = units[1:]
		case 0xfffe, 0xfffe0000:
			return narrowed(b, k+"be", name)
		}
	}
	units = withoutMark(units, k)
	if unit == 4 {
		rs := make([]rune, len(units))
		for i, u := range units {
			rs[i] = rune(u)
		}
		return string(rs), nil
	}
	us := make([]uint16, len(units))
	for i, u := range units {
		us[i] = uint16(u)
	}
	return string(utf16.Decode(us)), nil
}

// withoutMark drops the byte order mark that a swapped text began with.
func withoutMark(units []uint32, k string) []uint32 {
	if len(units) > 0 && units[0] == 0xfeff && (k == "utf16be" || k == "utf32be") {
		return units[1:]
	}
	return units
}
