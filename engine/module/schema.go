package module

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Schema is the JSON Schema (2020-12) of a module's arguments. Where Ansible
// converts, the schema allows what converts; a text with a template is always
// allowed.
func Schema(s *Spec) *value.Map {
	m := value.M("$schema", "https://json-schema.org/draft/2020-12/schema", "title", s.Name, "description", s.Summary)
	for k, v := range object(s.Args, s.AnyArgs).All() {
		m.SetKey(k, v)
	}
	m.Set("$defs", value.FromMap(value.M("template", value.M("type", "string", "pattern", `\{[{%]`))))
	return m
}

func object(args []Arg, open bool) *value.Map {
	props := value.NewMap()
	var required []value.Value
	for _, a := range args {
		if strings.HasPrefix(a.Name, "_") {
			continue
		}
		schema := value.FromMap(argSchema(a))
		props.Set(a.Name, schema)
		for _, n := range a.Aliases {
			props.Set(n, schema)
		}
		if a.Required && len(a.Aliases) == 0 {
			required = append(required, value.String(a.Name))
		}
	}
	m := value.M("type", "object", "properties", props)
	if len(required) > 0 {
		m.Set("required", value.List(required...))
	}
	if !open {
		m.Set("additionalProperties", value.Bool(false))
	}
	return m
}

func argSchema(a Arg) *value.Map {
	m := value.NewMap()
	if a.Doc != "" {
		m.Set("description", value.String(a.Doc))
	}
	if a.Default != nil {
		m.Set("default", value.FromGo(a.Default))
	}
	if a.Deprecated != "" {
		m.Set("deprecated", value.Bool(true))
	}
	if len(a.Choices) > 0 && a.Type != List {
		any := []value.Value{value.FromMap(value.M("enum", a.Choices)), template()}
		if a.Type == Bool || hasWord(a.Choices) {
			any = append(any, value.FromMap(value.M("type", "boolean")))
		}
		m.Set("anyOf", value.List(any...))
		return m
	}
	any := typeSchemas(a)
	if len(any) == 0 {
		return m
	}
	m.Set("anyOf", value.List(append(any, template())...))
	return m
}

func template() value.Value { return value.FromMap(value.M("$ref", "#/$defs/template")) }

func hasWord(choices []string) bool {
	for _, c := range choices {
		if _, ok := boolWords[strings.ToLower(c)]; ok {
			return true
		}
	}
	return false
}

func typeSchemas(a Arg) []value.Value {
	t := func(names ...string) value.Value {
		if len(names) == 1 {
			return value.FromMap(value.M("type", names[0]))
		}
		return value.FromMap(value.M("type", names))
	}
	switch a.Type {
	case Raw:
		return nil
	case Bool:
		return []value.Value{t("boolean"), value.FromMap(value.M("type", "string", "pattern", "^(?i:y|yes|on|1|true|t|1\\.0|n|no|off|0|false|f|0\\.0)$")),
			value.FromMap(value.M("enum", []any{0, 1}))}
	case Int:
		return []value.Value{t("integer"), value.FromMap(value.M("type", "string", "pattern", `^\s*[-+]?[0-9_]+\s*$`))}
	case Float:
		return []value.Value{t("number"), value.FromMap(value.M("type", "string", "pattern", `^\s*[-+]?[0-9.eE+-]+\s*$`))}
	case Mode:
		return []value.Value{t("string"), t("integer")}
	case Bytes:
		return []value.Value{t("integer"), t("string")}
	case List:
		e := Arg{Type: a.Elem, Options: a.Options, Choices: a.Choices}
		if a.Elem == "" {
			e.Type = Raw
		}
		return []value.Value{value.FromMap(value.M("type", "array", "items", argSchema(e))), t("string", "number", "boolean")}
	case Dict:
		if a.Options == nil {
			return []value.Value{t("object"), t("string")}
		}
		return []value.Value{value.FromMap(object(a.Options, false)), t("string")}
	}
	return []value.Value{t("string", "number", "boolean")}
}
