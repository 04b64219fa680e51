package net

import (
	"errors"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type mailArgs struct {
	Sender   string   `arg:"sender"`
	To       []string `arg:"to"`
	Cc       []string `arg:"cc"`
	Bcc      []string `arg:"bcc"`
	Subject  string   `arg:"subject"`
	Body     string   `arg:"body"`
	User     string   `arg:"username"`
	Password string   `arg:"password"`
	Host     string   `arg:"host"`
	Port     int      `arg:"port"`
	Attach   []string `arg:"attach"`
	Headers  []string `arg:"headers"`
	Charset  string   `arg:"charset"`
	Subtype  string   `arg:"subtype"`
	Secure   string   `arg:"secure"`
	Timeout  int      `arg:"timeout"`
	EhloHost string   `arg:"ehlohost"`
}

var mailSpec = module.Spec{
	Name:    "mail",
	Aliases: []string{"community.general.mail"},
	Summary: "Send a mail",
	Doc: "Gives a mail to a server, as seen from the host, through the SSH connection; the host needs no program for it. Certificates of " +
		"servers are not looked at. In a dry run nothing is sent.",
	Args: []module.Arg{
		{Name: "sender", Aliases: []string{"from"}, Default: "root", Doc: "Who sends it, with a phrase or without."},
		{Name: "to", Type: module.List, Elem: module.Str, Aliases: []string{"recipients"}, Default: []string{"root"}, Doc: "Who gets it."},
		{Name: "cc", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Who gets a copy."},
		{Name: "bcc", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Who gets one that the others do not see."},
		{Name: "subject", Aliases: []string{"msg"}, Required: true, Doc: "What it is about."},
		{Name: "body", Doc: "The text; without one it is the subject."},
		{Name: "username", Doc: "The user, for a server that asks."},
		{Name: "password", Secret: true, Doc: "The password."},
		{Name: "host", Default: "localhost", Doc: "The mail server."},
		{Name: "port", Type: module.Int, Default: 25, Doc: "Its port."},
		{Name: "attach", Type: module.List, Elem: module.Path, Default: []string{}, Doc: "Files of the host to attach, up to 8 MiB each."},
		{Name: "headers", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "More headers, each name=value."},
		{Name: "charset", Default: "utf-8", Doc: "The character set of the text."},
		{Name: "subtype", Choices: []string{"html", "plain"}, Default: "plain", Doc: "What the text is."},
		{Name: "secure", Choices: []string{"always", "never", "starttls", "try"}, Default: "try", Doc: "Speak TLS from the start or fail; never; turn to it or fail; where it can be had."},
		{Name: "timeout", Type: module.Int, Default: 20, Doc: "Seconds to wait for the server each time."},
		{Name: "ehlohost", Doc: "The name to say hello with; without one it is the host's own."},
	},
	RequiredTogether: [][]string{{"password", "username"}},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "That it was sent, or why not."},
		{Name: "result", Type: "dict", When: "it was sent", Doc: "Who was refused: the server's code and words by address."},
		{Name: "rc", Type: "int", When: "failure", Doc: "1."},
	},
	Examples: "- mail: {host: mail.example.org, port: 587, username: joe, password: \"{{ mail_password }}\", to: [Joe <joe@example.org>], subject: Report, body: \"{{ inventory_hostname }} is ready\"}\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// Mail is the module mail.
func Mail() module.Module { return module.New(mailSpec, planMail) }

// ownName tells the host's full name.
const ownName = "hostname -f 2>/dev/null || hostname"

func planMail(a mailArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	p := &post{server: a.Host, address: net.JoinHostPort(a.Host, strconv.Itoa(a.Port)), hello: a.EhloHost, user: a.User, password: a.Password,
		secure: a.Secure, timeout: time.Duration(a.Timeout) * time.Second}
	if p.hello == "" {
		p.hello = helloName(g.Output(ownName).Stdout)
	}
	var files []enclosure
	for _, name := range a.Attach {
		at := g.Path(name)
		f, err := g.TryFile(at, state.WantContent)
		switch {
		case !g.Complete() || p.textErr != nil:
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			p.textErr = cannotAttach(at, err.Error())
		case f.IsDir():
			p.textErr = cannotAttach(at, "[Errno 21] Is a directory: '"+at+"'")
		case !f.IsRegular():
			p.textErr = cannotAttach(at, "[Errno 2] No such file or directory: '"+at+"'")
		default:
			files = append(files, enclosure{at, f.Content})
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	warnings := a.write(p, files, in.Now)
	m := value.M("changed", false, "msg", later(in), "result", later(in))
	return module.Change{Ops: []state.Op{state.Talk{Shown: "send mail by " + p.address, With: p.send}}, Result: m, Once: true,
		NoCheck: "remote module ({task}) does not support check mode", Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			end, _ := did[len(did)-1].Data.(state.TalkEnd)
			return sent(end, warnings)
		}}, nil
}

func cannotAttach(name, why string) error {
	return &unsent{"Failed to send community.general.mail: can't attach file " + name + ": " + why, nil}
}

// helloName is the name to say hello with, as Python's smtplib has it.
func helloName(own string) string {
	if own = strings.TrimSpace(own); strings.Contains(own, ".") {
		return own
	}
	return "[127.0.0.1]"
}

// write composes the mail. Headers that are none are left out with a warning.
func (a mailArgs) write(p *post, files []enclosure, now time.Time) (warnings []string) {
	phrase, addr := parseAddress(a.Sender)
	m := message{From: formatAddress(phrase, addr), Subject: a.Subject, Body: a.Body, Charset: a.Charset, Subtype: a.Subtype, Files: files, Date: now}
	if m.Body == "" {
		m.Body = a.Subject
	}
	p.from = addr
	mailer := false
	for _, h := range a.Headers {
		for part := range strings.SplitSeq(h, "|") {
			part = strings.TrimSpace(part)
			name, text, ok := strings.Cut(part, "=")
			if !ok || strings.Contains(text, "=") || name == "" || strings.ContainsAny(name, "\r\n: ") {
				warnings = append(warnings, "Skipping header '"+part+"', unable to parse")
				continue
			}
			mailer = mailer || strings.EqualFold(name, "X-Mailer")
			m.Headers = append(m.Headers, [2]string{name, text})
		}
	}
	if !mailer {
		m.Headers = append(m.Headers, [2]string{"X-Mailer", "Ansible mail module"})
	}
	add := func(to []string) string {
		shown := make([]string, len(to))
		for i, s := range to {
			phrase, addr := parseAddress(s)
			shown[i] = formatAddress(phrase, addr)
			if !slices.Contains(p.to, addr) {
				p.to = append(p.to, addr)
			}
		}
		return strings.Join(shown, ", ")
	}
	add(a.Bcc)
	m.To, m.Cc = add(a.To), add(a.Cc)
	text, err := m.compose()
	if p.text = text; err != nil && p.textErr == nil {
		p.textErr = &unsent{err.Error(), nil}
	}
	return warnings
}

// sent registers what came of it.
func sent(end state.TalkEnd, warnings []string) (module.Change, error) {
	if u, ok := errors.AsType[*unsent](end.Err); ok {
		why := ""
		if u.err != nil {
			why = smtpWords(u.err, strings.TrimPrefix(end.Msg, u.before))
		}
		return module.Change{}, &module.Failure{Msg: u.before + why, Result: value.M("rc", 1), Warnings: warnings}
	}
	if end.Err != nil {
		return module.Change{}, &module.Failure{Msg: end.Msg, Result: value.M("rc", 1), Warnings: warnings}
	}
	out, _ := end.Said.(posted)
	if out.warning != "" {
		warnings = append([]string{out.warning}, warnings...)
	}
	result, msg := value.NewMap(), "Mail sent successfully"
	for _, r := range out.refused {
		msg = "Failed to send mail to at least one recipient"
		result.Set(r.addr, value.List(value.Int(int64(r.err.Code)), value.String(r.err.Msg)))
		warnings = append(warnings, "Failed to send mail to '"+r.addr+"': "+strconv.Itoa(r.err.Code)+" b'"+r.err.Msg+"'")
	}
	c := module.OK("msg", msg, "result", result)
	c.Warnings = warnings
	return c, nil
}
