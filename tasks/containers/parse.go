package containers

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

var sizeForm = lazyregexp.New(`^\s*([0-9]+(?:\.[0-9]*)?)\s*([A-Za-z]*)\s*$`)

// size reads a size as Ansible's human_to_bytes does: 512M, 1.5 GB, 1024.
func size(s string) (int64, error) {
	m := sizeForm().FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no size such as 512M", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, err
	}
	unit := strings.ToUpper(m[2])
	if unit == "" || unit == "B" {
		return int64(n), nil
	}
	i := strings.IndexByte("KMGTPEZY", unit[0])
	rest := strings.TrimPrefix(unit[1:], "I")
	if i < 0 || rest != "" && rest != "B" && rest != "BYTES" {
		return 0, fmt.Errorf("%q has an unknown unit", s)
	}
	for range i + 1 {
		n *= 1024
	}
	if n > 1<<62 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int64(n + 0.5), nil
}

// duration reads 1h2m3s4ms5us into nanoseconds; "" is 0.
func duration(what, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || strings.ContainsAny(s, ".+n") {
		return 0, module.Fail(fmt.Sprintf("healthcheck: %s: %q is no time such as 1m30s", what, s))
	}
	return int64(d), nil
}

func (w *want) health(a *containerArgs) error {
	h := a.Healthcheck
	if h == nil {
		return nil
	}
	w.given["healthcheck"] = true
	check := &state.Healthcheck{Retries: h.Retries}
	w.spec.Config.Healthcheck = check
	test, err := healthTest(h.Test)
	if err != nil {
		return err
	}
	if check.Test = test; len(test) == 1 && test[0] == "NONE" {
		check.Retries = 0
		return nil
	}
	for _, t := range []struct {
		name, text string
		to         *int64
	}{
		{"interval", h.Interval, &check.Interval}, {"timeout", h.Timeout, &check.Timeout},
		{"start_period", h.StartPeriod, &check.StartPeriod}, {"start_interval", h.StartInterval, &check.StartInterval},
	} {
		if *t.to, err = duration(t.name, t.text); err != nil {
			return err
		}
	}
	return nil
}

func healthTest(v value.Value) ([]string, error) {
	if v.Kind() != value.KindList {
		if text := v.Text(); !v.IsNull() && text != "" {
			return []string{"CMD-SHELL", text}, nil
		}
		return []string{"NONE"}, nil
	}
	test, err := words(v)
	if err != nil || len(test) == 0 {
		return []string{"NONE"}, err
	}
	switch test[0] {
	case "NONE", "CMD", "CMD-SHELL":
		return test, nil
	}
	return nil, module.Fail("healthcheck: test must begin with CMD, CMD-SHELL or NONE, not " + test[0])
}

func (w *want) devices(a *containerArgs) error {
	h := &w.spec.Host
	if a.Devices != nil {
		w.given["devices"] = true
		for _, d := range a.Devices {
			parts := strings.SplitN(d, ":", 3)
			dev := state.Device{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
			if len(parts) > 1 {
				dev.PathInContainer = parts[1]
			}
			if len(parts) > 2 {
				dev.CgroupPermissions = parts[2]
			}
			h.Devices = append(h.Devices, dev)
		}
	}
	if a.DeviceRequests != nil {
		w.given["device_requests"] = true
		for _, r := range a.DeviceRequests {
			h.DeviceRequests = append(h.DeviceRequests, state.DeviceRequest(r))
		}
	}
	for _, r := range []struct {
		name string
		from []rateArgs
		to   *[]state.DeviceRate
	}{
		{"device_read_bps", a.ReadBps, &h.BlkioDeviceReadBps}, {"device_write_bps", a.WriteBps, &h.BlkioDeviceWriteBps},
		{"device_read_iops", a.ReadIops, &h.BlkioDeviceReadIOps}, {"device_write_iops", a.WriteIops, &h.BlkioDeviceWriteIOps},
	} {
		if r.from == nil {
			continue
		}
		w.given[r.name] = true
		for _, d := range r.from {
			n, err := size(d.Rate)
			if err != nil {
				return module.Fail(r.name + ": " + err.Error())
			}
			*r.to = append(*r.to, state.DeviceRate{Path: d.Path, Rate: uint64(n)})
		}
	}
	return nil
}

func (w *want) ulimits(a *containerArgs) error {
	if a.Ulimits == nil {
		return nil
	}
	w.given["ulimits"] = true
	for _, u := range a.Ulimits {
		name, limits, _ := strings.Cut(u, ":")
		soft, hard, both := strings.Cut(limits, ":")
		if !both {
			hard = soft
		}
		s, err1 := strconv.ParseInt(soft, 10, 64)
		h, err2 := strconv.ParseInt(hard, 10, 64)
		if name == "" || errors.Join(err1, err2) != nil {
			return module.Fail(fmt.Sprintf("ulimits: %q is not name:soft[:hard]", u))
		}
		w.spec.Host.Ulimits = append(w.spec.Host.Ulimits, state.Ulimit{Name: name, Soft: s, Hard: h})
	}
	return nil
}

// split splits text as a POSIX shell splits words, without expanding anything.
func split(s string) ([]string, error) {
	out := []string{}
	var word strings.Builder
	in := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if in {
				out = append(out, word.String())
				word.Reset()
				in = false
			}
		case c == '\'':
			end := strings.IndexByte(s[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("a ' is not closed")
			}
			word.WriteString(s[i+1 : i+1+end])
			i, in = i+1+end, true
		case c == '"':
			n, err := quoted(s[i+1:], &word)
			if err != nil {
				return nil, err
			}
			i, in = i+n, true
		case c == '\\':
			if i++; i == len(s) {
				return nil, errors.New("nothing follows the last \\")
			}
			word.WriteByte(s[i])
			in = true
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in {
		out = append(out, word.String())
	}
	return out, nil
}

// quoted reads up to the closing double quote and says how many bytes it took.
func quoted(s string, word *strings.Builder) (int, error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\' && i+1 < len(s) && strings.IndexByte("\"\\", s[i+1]) >= 0:
			i++
			word.WriteByte(s[i])
		default:
			word.WriteByte(c)
		}
	}
	return 0, errors.New(`a " is not closed`)
}
