package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/vault"
)

// plainText is a text to encrypt, with the name of its variable.
type plainText struct{ name, text, from string }

// encryptString writes texts as YAML values of the kind !vault.
func (v *vaultCommand) encryptString(args []string) error {
	fromStdin := len(args) == 0 || slices.Contains(args, "-") || v.stdinName != ""
	if v.prompt && len(args) == 0 && v.stdinName == "" {
		fromStdin = false
	}
	if v.prompt && fromStdin {
		return optionsError(diag.Errorf(diag.Pos{}, "vault-string", "--prompt and a text from standard input exclude each other"))
	}
	if err := v.writer(v.flags.sources(v.cfg)); err != nil {
		return err
	}
	texts, err := v.plainTexts(slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-" }), fromStdin)
	if err != nil {
		return err
	}
	var out []string
	for i, t := range texts {
		if t.text == "" {
			return optionsError(diag.Errorf(diag.Pos{}, "vault-string", "the text from %s is empty", t.from))
		}
		sealed, err := vault.Encrypt([]byte(t.text), v.with)
		if err != nil {
			return err
		}
		head := "!vault |"
		what := fmt.Sprintf("text %d, from %s", i+1, t.from)
		if t.name != "" {
			head, what = t.name+": "+head, "variable "+t.name+" ("+what+")"
		}
		if len(texts) > 1 {
			fmt.Fprintf(v.std.err, "# %s\n", what)
		}
		lines := strings.Split(strings.TrimSuffix(sealed, "\n"), "\n")
		out = append(out, head+"\n"+strings.Repeat(" ", 10)+strings.Join(lines, "\n"+strings.Repeat(" ", 10)))
	}
	if err := v.write("-", []byte(strings.Join(out, "\n")+"\n")); err != nil {
		return err
	}
	return v.done("Encryption")
}

// plainTexts collects the texts: asked for, from standard input, from the
// command line, these with the names in order.
func (v *vaultCommand) plainTexts(args []string, fromStdin bool) ([]plainText, error) {
	var texts []plainText
	if v.prompt {
		t, err := v.ask()
		if err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	if fromStdin {
		if v.std.live {
			fmt.Fprintln(v.std.err, "Reading clear text from standard input; end it with ctrl-d (twice, when its last line is not ended)")
		}
		data, err := io.ReadAll(v.std.in)
		if err != nil {
			return nil, err
		}
		texts = append(texts, plainText{v.stdinName, string(data), "standard input"})
	}
	for i, a := range args {
		t := plainText{text: a, from: "the command line"}
		if i < len(v.names) {
			t.name = v.names[i]
		}
		texts = append(texts, t)
	}
	if n := len(v.names); n > 0 && len(args) > n {
		fmt.Fprintf(v.std.err, "there are more texts than names: those behind %q have none\n", v.names[n-1])
	}
	return texts, nil
}

func (v *vaultCommand) ask() (plainText, error) {
	fmt.Fprint(v.std.err, "Variable name (enter for no name): ")
	name, err := readLine(v.std.in)
	if err != nil {
		return plainText{}, err
	}
	t := plainText{name: name, from: "the prompt"}
	if v.showInput {
		fmt.Fprint(v.std.err, "String to encrypt: ")
		t.text, err = readLine(v.std.in)
	} else {
		t.text, err = askSecret("String to encrypt (hidden): ", v.std)
	}
	return t, err
}
