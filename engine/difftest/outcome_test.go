package difftest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// result is how a task, or one item of its loop, ended on a host.
type result struct {
	Host, Task, Module, Status string
	Item, NoLog                bool
	Value                      map[string]any
	// Of a plan: behind which effect it lies.
	Assuming string
	Msg      string
}

// outcome is what one program did with one case.
type outcome struct {
	Exit    int
	Tasks   []string // in the order in which their first result came
	Results []result
	Stats   map[string]map[string]int
	Tree    tree
	Said    string
	took    time.Duration // of Fairlead's run
}

func (o *outcome) add(r result) {
	o.Results = append(o.Results, r)
	if n := len(o.Tasks); !r.Item && (n == 0 || o.Tasks[n-1] != r.Task) {
		o.Tasks = append(o.Tasks, r.Task)
	}
}

// failures tells how an outcome failed.
func (o *outcome) failures() []string {
	out := []string{fmt.Sprintf("exit %d: %s", o.Exit, tail(o.Said))}
	for _, r := range o.Results {
		if r.Status == "failed" || r.Status == "unreachable" {
			out = append(out, r.Host+": "+line(r)+" "+text(brief(r)))
		}
	}
	return out
}

// ofHost are the results of one host, in order.
func (o *outcome) ofHost(name string) []result {
	var out []result
	for _, r := range o.Results {
		if r.Host == name {
			out = append(out, r)
		}
	}
	return out
}

type ansibleEvent struct {
	Kind, Host, Task, Module, Status string
	Result                           map[string]any
	NoLog                            bool `json:"no_log"`
	Stats                            map[string]map[string]int
}

// roleOfInclude is the name of an include_role without one of its own: Ansible's heading
// names the role, its result does not.
var roleOfInclude = regexp.MustCompile(`include_role : \S+$`)

// readAnsible reads what the callback plug-in wrote.
func readAnsible(file string, neutral func([]byte) []byte) (*outcome, error) {
	o := &outcome{}
	log, err := os.ReadFile(file + ".log")
	if err != nil {
		return nil, err
	}
	o.Said = string(log)
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return o, nil // a mistake that showed before the run
	}
	if err != nil {
		return nil, err
	}
	return o, eachLine(neutral(data), func(line []byte) error {
		var e ansibleEvent
		if err := decode(line, &e, &e.Result); err != nil {
			return err
		}
		switch e.Kind {
		case "item", "result":
			if strings.HasPrefix(e.Module, "include") && e.Module != "include_vars" && e.Status == "ok" {
				return nil // Fairlead tells the included tasks instead
			}
			o.add(result{Host: e.Host, Task: e.Task, Module: e.Module, Status: e.Status, Item: e.Kind == "item", NoLog: e.NoLog, Value: e.Result})
		case "stats":
			o.Stats = map[string]map[string]int{}
			for h, s := range e.Stats {
				s["failed"] = s["failures"]
				delete(s, "failures")
				o.Stats[h] = s
			}
		}
		return nil
	})
}

type fairleadEvent struct {
	Kind, Host, Task, Module, Status, Msg, Assuming string
	Ignored, Rescued                                bool
	Result                                          map[string]any
	NoLog                                           bool `json:"no_log"`
	Stats                                           map[string]map[string]int
}

// readFairlead reads the events of run --json.
func readFairlead(data []byte) (*outcome, error) {
	o := &outcome{}
	return o, eachLine(data, func(line []byte) error {
		var e fairleadEvent
		if err := decode(line, &e, &e.Result); err != nil {
			return err
		}
		switch e.Kind {
		case "item_result", "result":
			if e.Ignored && e.Status == "failed" {
				e.Status = "ignored"
			}
			o.add(result{Host: e.Host, Task: roleOfInclude.ReplaceAllString(e.Task, "include_role"), Module: e.Module, Status: e.Status, Item: e.Kind == "item_result", NoLog: e.NoLog,
				Value: e.Result, Assuming: e.Assuming, Msg: e.Msg})
		case "recap":
			o.Stats = e.Stats
		}
		return nil
	})
}

// decode reads a line; the numbers of the result in it become float64, those that
// are too large for it (of keys) texts.
func decode(line []byte, event any, in *map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(event); err != nil {
		return err
	}
	for k, v := range *in {
		(*in)[k] = plainNumbers(v)
	}
	return nil
}

func plainNumbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if f, err := x.Float64(); err == nil {
			return f
		}
		return x.String()
	case map[string]any:
		for k, e := range x {
			x[k] = plainNumbers(e)
		}
	case []any:
		for i, e := range x {
			x[i] = plainNumbers(e)
		}
	}
	return v
}

func eachLine(data []byte, do func([]byte) error) error {
	sc := bufio.NewScanner(bytes.NewReader(data))
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		if err := do(sc.Bytes()); err != nil {
			return fmt.Errorf("%q: %w", sc.Text(), err)
		}
	}
	return sc.Err()
}
