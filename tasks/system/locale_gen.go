package system

import (
	"regexp"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type localeArgs struct {
	Name  string `arg:"name"`
	State string `arg:"state"`
}

// LocaleGen is the module locale_gen.
func LocaleGen() module.Module {
	return module.New(module.Spec{
		Name:    "locale_gen",
		Aliases: []string{"community.general.locale_gen"},
		Summary: "Have a locale on a host of Debian's kin, or not",
		Doc:     "Turns a line of /etc/locale.gen on or off and runs locale-gen.",
		Args: []module.Arg{
			{Name: "name", Required: true, Doc: "The locale, such as de_DE.UTF-8."},
			{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		},
		Examples: "- locale_gen: {name: de_CH.UTF-8}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}, planLocale)
}

// localeForm writes a locale as locale -a does.
func localeForm(name string) string {
	for _, x := range [][2]string{{".utf8", ".UTF-8"}, {".eucjp", ".EUC-JP"}, {".iso885915", ".ISO-8859-15"}, {".cp1251", ".CP1251"},
		{".koi8r", ".KOI8-R"}, {".armscii8", ".ARMSCII-8"}, {".euckr", ".EUC-KR"}, {".gbk", ".GBK"}, {".gb18030", ".GB18030"}, {".euctw", ".EUC-TW"}} {
		name = strings.ReplaceAll(name, x[0], x[1])
	}
	return name
}

// localePaths are where locales are.
var localePaths = []string{"/usr/lib/locale", "/usr/share/i18n", "/usr/share/locale", "/etc/locale.gen", "/var/lib/locales"}

func planLocale(a localeArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	const supported, ubuntu = "/etc/locale.gen", "/var/lib/locales/supported.d"
	f := g.File(supported, state.WantContent)
	out := g.OutputUnder(localePaths, "locale -a; echo; [ -f /usr/share/i18n/SUPPORTED ] && grep -e \"^$1 \" /usr/share/i18n/SUPPORTED; :", a.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if !f.IsRegular() {
		return module.Change{}, module.Fail(supported + " and " + ubuntu + "/local are missing. Is the package \"locales\" installed?")
	}
	have, known, _ := strings.Cut(out.Stdout, "\n\n")
	there := false
	for l := range strings.Lines(have) {
		there = there || localeForm(strings.TrimSpace(l)) == localeForm(a.Name)
	}
	want := a.State == "present"
	result := value.M("changed", there != want, "name", a.Name, "msg", "OK")
	c := module.Change{Result: result}
	line := regexp.MustCompile(`(?m)^\s*#?[ \t]*(` + regexp.QuoteMeta(a.Name) + `[ \t]+\S+)[ \t]*$`)
	old := string(f.Content)
	if !line.MatchString(old) && !strings.Contains(known, " ") && (want || there) {
		return module.Change{}, module.Fail("The locale you've entered is not available on your system.")
	}
	if there == want {
		return c, nil
	}
	with := "${1}"
	if !want {
		with = "# ${1}"
	}
	text := line.ReplaceAllString(old, with)
	if want && !line.MatchString(old) {
		text += strings.TrimSpace(strings.SplitN(known, "\n", 2)[0]) + "\n"
	}
	if text != old {
		c.Ops = append(c.Ops, state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(text))})
		if in.Diff {
			c.Diff = state.Diff{{BeforeHeader: supported, AfterHeader: supported, Before: old, After: text}}
		}
	}
	c.Ops = append(c.Ops, state.Exec{Argv: []string{"locale-gen"}, Env: []string{"LC_ALL=C"}})
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail("locale-gen failed: "+string(r.Stderr), "rc", r.RC)
		}
		return module.Change{Result: result}, nil
	}
	return c, nil
}
