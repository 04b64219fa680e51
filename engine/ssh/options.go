package ssh

import (
	"os"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Arguments are options of the program ssh, as ssh_args of ansible.cfg or
// ansible_ssh_common_args have them.
type Arguments struct {
	// Options are those that say how to connect, in ssh_config's words.
	Options []Option
	// ConfigFile is that of -F, "" for none.
	ConfigFile string
	// Host is the first word that is no option, Forward what -W says.
	Host, Forward string
	// Ignored are flags that have no meaning here, such as -C.
	Ignored []string
}

// flagOptions are flags that stand for an option of ssh_config.
var flagOptions = map[byte]string{'p': "port", 'l': "user", 'i': "identityfile", 'J': "proxyjump", 'b': "bindaddress"}

// ParseArguments reads a line of arguments as the shell and then ssh read them.
// where names the line in errors.
func ParseArguments(where, line string) (Arguments, error) {
	var a Arguments
	pos := diag.Pos{File: where}
	words, err := splitWords(line, false)
	if err != nil {
		return a, diag.New(diag.Usage, pos, "ssh-args", "%q: %w", line, err)
	}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if len(w) < 2 || w[0] != '-' {
			if a.Host == "" {
				a.Host = w
			} else {
				a.Ignored = append(a.Ignored, w)
			}
			continue
		}
		for j := 1; j < len(w); j++ {
			c := w[j]
			if !strings.ContainsRune("BbcDEeFIiJLlmOoPpQRSWw", rune(c)) {
				a.Ignored = append(a.Ignored, "-"+string(c))
				continue
			}
			value := w[j+1:]
			if value == "" {
				if i++; i == len(words) {
					return a, diag.New(diag.Usage, pos, "ssh-args", "-%c has no value in %q", c, line)
				}
				value = words[i]
			}
			if err := a.take(c, value, pos); err != nil {
				return a, err
			}
			break
		}
	}
	return a, nil
}

func (a *Arguments) take(flag byte, value string, pos diag.Pos) error {
	switch {
	case flag == 'o':
		o, err := parseOption(value, pos)
		if err != nil {
			return err
		}
		a.Options = append(a.Options, o)
	case flag == 'F':
		a.ConfigFile = value
	case flag == 'W':
		a.Forward = value
	case flagOptions[flag] != "":
		a.Options = append(a.Options, Option{Name: flagOptions[flag], Args: []string{value}, Pos: pos})
	default:
		a.Ignored = append(a.Ignored, "-"+string(flag)+" "+value)
	}
	return nil
}

// AddArguments puts lines of arguments of ssh before what ssh_config says;
// earlier ones win.
func (cfg *Config) AddArguments(where string, lines ...string) error {
	for _, line := range lines {
		a, err := ParseArguments(where, line)
		if err != nil {
			return err
		}
		cfg.Options = append(cfg.Options[:len(cfg.Options):len(cfg.Options)], a.Options...)
		switch a.ConfigFile {
		case "":
		case "none", os.DevNull:
			cfg.SSHConfig = []string{}
		default:
			cfg.SSHConfig = []string{a.ConfigFile}
		}
	}
	return nil
}
