package net

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"path"
	"strings"
	"time"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// message is a mail as it is composed.
type message struct {
	From, To, Cc     string
	Subject, Body    string
	Headers          [][2]string
	Charset, Subtype string
	Files            []enclosure
	Date             time.Time
}

type enclosure struct {
	name string
	data []byte
}

var (
	angled    = lazyregexp.New(`^(.*)<([^<>]*)>\s*$`)
	commented = lazyregexp.New(`^([^()"]*)\(([^()]*)\)\s*$`)
	// quotable are the characters that a phrase has in quotes only.
	quotable = lazyregexp.New(`[][\\()<>@,:;".]`)
)

// parseAddress takes a phrase and an address apart: "Joe <joe@x>", "joe@x (Joe)" or
// "joe".
func parseAddress(s string) (phrase, addr string) {
	s = strings.TrimSpace(s)
	if m := angled().FindStringSubmatch(s); m != nil {
		phrase = strings.TrimSpace(m[1])
		if n := len(phrase); n > 1 && phrase[0] == '"' && phrase[n-1] == '"' {
			phrase = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(phrase[1 : n-1])
		}
		return phrase, strings.TrimSpace(m[2])
	}
	if m := commented().FindStringSubmatch(s); m != nil {
		return strings.TrimSpace(m[2]), strings.TrimSpace(m[1])
	}
	return "", s
}

// formatAddress puts them together as headers have them.
func formatAddress(phrase, addr string) string {
	switch {
	case phrase == "":
		return addr
	case !ascii(phrase):
		return mime.BEncoding.Encode("utf-8", phrase) + " <" + addr + ">"
	case quotable().MatchString(phrase):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(phrase) + `" <` + addr + ">"
	}
	return phrase + " <" + addr + ">"
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f })
}

// encoded is a text in the message's charset.
func (m message) encoded(s string) ([]byte, error) {
	name := strings.ToLower(m.Charset)
	switch name {
	case "utf-8", "utf8":
		return []byte(s), nil
	case "us-ascii", "ascii":
		if !ascii(s) {
			return nil, errors.New("'ascii' codec can't encode the text")
		}
		return []byte(s), nil
	}
	enc, err := htmlindex.Get(name)
	if err != nil {
		return nil, errors.New("unknown encoding: " + m.Charset)
	}
	return enc.NewEncoder().Bytes([]byte(s))
}

// compose writes the message. Python's email package writes the same parts, but some
// words of headers in another of the ways that readers understand.
func (m message) compose() ([]byte, error) {
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	head := func(name, text string) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, text)
	}
	head("Content-Type", fmt.Sprintf("multipart/mixed; boundary=%q", parts.Boundary()))
	head("MIME-Version", "1.0")
	head("From", m.From)
	head("Date", m.Date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	subject, err := m.encoded(m.Subject)
	if err != nil {
		return nil, err
	}
	head("Subject", mime.QEncoding.Encode(strings.ToLower(m.Charset), string(subject)))
	for _, h := range m.Headers {
		head(h[0], mime.QEncoding.Encode("utf-8", h[1]))
	}
	head("To", m.To)
	head("Cc", m.Cc)
	b.WriteString("\r\nMultipart message\r\n")
	body, err := m.encoded(m.Body + "\n\n")
	if err != nil {
		return nil, err
	}
	if err := m.text(parts, body); err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		p, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/octet-stream"}, "Mime-Version": {"1.0"}, "Content-Transfer-Encoding": {"base64"},
			"Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(f.name)})}})
		if err == nil {
			_, err = p.Write(inLines(f.data))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// text adds the body: in Base64 when it is in UTF-8, as it is in ASCII, else quoted.
func (m message) text(parts *multipart.Writer, body []byte) error {
	name, way := strings.ToLower(m.Charset), "quoted-printable"
	switch name {
	case "utf-8", "utf8":
		way = "base64"
	case "us-ascii", "ascii":
		way = "7bit"
	}
	p, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {fmt.Sprintf("text/%s; charset=%q", m.Subtype, name)}, "Mime-Version": {"1.0"},
		"Content-Transfer-Encoding": {way}})
	if err != nil {
		return err
	}
	switch way {
	case "base64":
		_, err = p.Write(inLines(body))
	case "7bit":
		_, err = p.Write(bytes.ReplaceAll(body, []byte("\n"), []byte("\r\n")))
	default:
		q := quotedprintable.NewWriter(p)
		if _, err = q.Write(body); err == nil {
			err = q.Close()
		}
	}
	return err
}

// inLines is Base64 in lines of 76 characters.
func inLines(data []byte) []byte {
	text := base64.StdEncoding.EncodeToString(data)
	var b bytes.Buffer
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes()
}
