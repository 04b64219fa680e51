package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// config is a role's configuration file: the options by "SECTION.option", and the checksum of the file as it was read.
type config struct {
	sum     string
	options map[string]string
}

func readConfig(path string) (config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return config{}, err
	}
	options, err := parse(data)
	if err != nil {
		return config{}, fmt.Errorf("%s:%w", path, err)
	}
	sum := sha256.Sum256(data)
	return config{sum: hex.EncodeToString(sum[:]), options: options}, nil
}

// parse reads INI text. It is strict, so that a broken file is noticed, and wants a [GLOBAL] section.
func parse(data []byte) (map[string]string, error) {
	options := map[string]string{}
	section, global := "", false
	n := 0
	for line := range bytes.Lines(data) {
		n++
		text := strings.TrimSpace(string(line))
		switch {
		case text == "" || text[0] == '#' || text[0] == ';':
		case text[0] == '[':
			name, ok := strings.CutSuffix(text[1:], "]")
			if !ok || name == "" {
				return nil, fmt.Errorf("%d: a section is written [NAME], not %q", n, text)
			}
			section = name
			global = global || name == "GLOBAL"
		default:
			key, value, ok := strings.Cut(text, "=")
			key = strings.TrimSpace(key)
			if !ok || key == "" || section == "" {
				return nil, fmt.Errorf("%d: wanted name = value below a section, not %q", n, text)
			}
			options[section+"."+key] = strings.TrimSpace(value)
		}
	}
	if !global {
		return nil, fmt.Errorf("%d: there is no [GLOBAL] section", n)
	}
	return options, nil
}

// wrong says what a role would stumble over: options it insists on that are not there, an orchestrator nobody knows,
// ports that are no numbers, lists of nodes with a gap.
func (c config) wrong(require []string) error {
	for _, name := range require {
		if _, ok := c.options[name]; !ok {
			return fmt.Errorf("the option %s is missing", name)
		}
	}
	for name, value := range c.options {
		_, option, _ := strings.Cut(name, ".")
		switch {
		case option == "cloud_orchestrator" && !slices.Contains([]string{"openstack", "kubernetes", "mesos", "openshift", "vcenter"}, value):
			return fmt.Errorf("%s is %q", name, value)
		case strings.HasSuffix(option, "_port"):
			if _, err := strconv.ParseUint(value, 10, 16); err != nil {
				return fmt.Errorf("%s is %q, no port", name, value)
			}
		case strings.HasSuffix(option, "_nodes"):
			for node := range strings.SplitSeq(value, ",") {
				if strings.TrimSpace(node) == "" {
					return fmt.Errorf("%s is %q, with a node that has no name", name, value)
				}
			}
		}
	}
	return nil
}

// shown are the options that may be told to whoever asks: not those that are named like a secret.
func (c config) shown() map[string]string {
	shown := map[string]string{}
	for name, value := range c.options {
		lower := strings.ToLower(name)
		if !strings.Contains(lower, "password") && !strings.Contains(lower, "secret") && !strings.Contains(lower, "token") {
			shown[name] = value
		}
	}
	return shown
}
