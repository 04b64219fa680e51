#!/usr/bin/python3
"""Records how Ansible's YAML loader reads scalars, documents and mistakes.

Writes engine/yaml/testdata/recorded.json. Needs the Debian package ansible-core.
"""
import datetime
import json
import os

import yaml
from ansible.parsing.yaml.loader import AnsibleLoader

SCALARS = """yes Yes YES no NO No y n Y N on On ON off OFF Off true True TRUE false False tRUE yEs
0 1 -1 +1 007 0644 0o644 0777 -0644 08 09 0x1F 0XFF -0x10 0b101 0b12 0b 0x 1_000 1__0 _1 1_ +_1 0_ 00 0_7
12:30:45 1:2 1:60 190:20:30 -1:30 0:30 01:30 12:30:45.5 1:30.5 60:00 1:1:1:1
1.5 1. .5 +.5 -.5 -1.5 1e3 1.e3 1.0e3 1.0e+3 1.5e-3 1e+3 .5e+1 1.5E+3 1_0.5 1._5 1.2.3 . .. -. +. ._ 1._ 4.0.0-1 1.10
.inf -.inf +.inf .Inf .INF .nan .NaN .NAN -.nan .iNf ~ null Null NULL nULL None
2001-12-14 2001-1-2 2001-13-14 2001-12-14T21:59:43Z 2001-12-14t21:59:43.10-05:00 2001-02-30 20011214 2001-12-14T21:59
123456789012345678901234567890 -9223372036854775808 9223372036854775808 1e400 1.7976931348623159e+308
a:b http://x/y 10.0.0.1 10.0.0.0/8 00:11:22:33:44:55 aa:bb %x a%b x#y -x --x -- +x /a ?x :x ::1 1,2 0xg 0x_f 1-2 infinity nan inf
!!str__5 !!int__"7" !!float__1 !!bool__yes !!null__x !__5 !!str "5" 'yes' "" '' !!binary__aGVsbG8=
=x <<x x<< *** a*b a&b a!b a|b a>b @x `x
""".split()

MORE = ["2001-12-14 21:59:43.10 -5", "2001-12-14 21:59:43", "2001-12-14 21:59:43 +05:30", "a b", "a #b", "a: b", '"a\\tb\\u00e9\\x41"', "'it''s'", "{a: 1}", "[1, yes, ~]", "[]", "{}"]

DOCS = {
    "merge": "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 9\nd: {w: 0, <<: *b}\n",
    "duplicate": "a: 1\nb: 2\na: 3\n",
    "literal": "a: |\n  one\n    two\n\n  three\n\nb: |-\n  x\nc: |+\n  y\n\n",
    "folded": "a: >\n  one\n  two\n\n  three\n    four\n  five\nb: >-\n  x\n  y\n",
    "plain multi": "a: one\n  two\n\n  three\nb: 'x\n  y'\nc: \"x\\\n  y\"\n",
    "anchors": "a: &x [1, 2]\nb: *x\nc: {k: *x}\n",
    "keys": "1: a\nyes: b\n~: c\n1.5: d\n'1': e\n? x\n: y\n? z\n",
    "empty values": "a:\nb: ~\nc: ''\nd: []\n-x: 1\n",
    "unsafe": "a: !unsafe '{{ x }}'\nb: !unsafe\n  k: ['{{ y }}', 1]\n",
    "flow": "{a: [1, {b: c}], 'd': \"e\", f: }\n",
    "seq in map": "a:\n- 1\n- - 2\n  - 3\n-b: 1\n",
    "set": "a: !!set {x, y}\n",
    "comments": "# c\na: 1 # d\n# e\nb: '#f' # g\n",
    "crlf": "a: 1\r\nb: |\r\n  x\r\n  y\r\n",
    "unicode": "\ufeffa: é€\nü: [“x”]\n",
    "doc markers": "---\na: 1\n...\n",
    "indent indicator": "a: |2\n    x\n   y\n",
    "question": "a: ?x\nb: -x\nc: x:y\nd: x #y\ne: x#y\n",
    "time": "t: 10:00\nports:\n  - 80:80\n  - 22:22\n  - 8080:80\n",
    "empty": "",
    "only comment": "# nothing\n",
}

ERRORS = {
    "unquoted template": "- a: 1\n  b: {{ x }}/y\n",
    "unquoted template whole": "a: 1\nb: {{ x }}\n",
    "unquoted block tag": "a: {% if x %}y{% endif %}\n",
    "tab indent": "a:\n\tb: 1\n",
    "tab indent after list": "- name: x\n  shell: y\n\twhen: z\n",
    "double colon": "- a: b: c\n",
    "double colon deep": "a:\n  x: 1\n  msg: Error: it failed\n",
    "open double quote": "a: 1\nb: \"x\nc: 2\n",
    "open single quote": "a: 'it's\nb: 1\n",
    "text after quote": "a: 1\nb: \"x\" y\n",
    "text after quote template": "a: 1\nb: \"{{ x }}\"/y\nc: 2\n",
    "unknown anchor": "a: 1\nb: *nope\n",
    "star glob": "a: 1\nb: *.txt\n",
    "at sign": "a: 1\nb: @x\n",
    "backtick": "a: `x`\n",
    "percent": "a: 1\nb: %x\n",
    "bad escape": "a: 1\nb: \"\\d+\"\n",
    "open list": "a: [1, 2\nb: 3\n",
    "open map": "a: {x: 1\nb: 3\n",
    "wrong dedent": "a:\n    b: 1\n  c: 2\n",
    "over indent": "a: 1\n  b: 2\n",
    "list dedent": "a:\n  - 1\n - 2\n",
    "missing colon": "a: 1\nb\nc: 2\n",
    "control": "a: 1\nb: x\x01y\n",
    "unknown tag": "a: 1\nb: !nope x\n",
    "list then map": "- a\nb: 1\n",
    "two values": "- a: 1\n   b: 2\n",
    "recursive merge": "a: 1\n<<: 5\n",
}


def show(v):
    if isinstance(v, (datetime.date, datetime.datetime)):
        return repr(str(v))
    if isinstance(v, dict):
        return "{" + ", ".join(show(k) + ": " + show(x) for k, x in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ", ".join(show(x) for x in v) + "]"
    if isinstance(v, set):
        return "{" + ", ".join(show(x) + ": None" for x in sorted(v)) + "}"
    if isinstance(v, bytes):
        return repr(v.decode())
    if isinstance(v, str):
        return repr(str(v))
    return repr(v)


def load(text):
    loader = AnsibleLoader(text, "f")
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def main():
    out = {"scalars": [], "documents": [], "errors": []}
    for s in SCALARS + MORE:
        s = s.replace("__", " ") if s.startswith("!") else s
        case = {"text": s}
        try:
            case["value"] = show(load("a: " + s)["a"])
        except Exception as err:
            case["error"] = type(err).__name__
        out["scalars"].append(case)
    for name, text in DOCS.items():
        case = {"name": name, "text": text}
        try:
            case["value"] = show(load(text))
        except Exception as err:
            case["error"] = str(err)[:200]
        out["documents"].append(case)
    for name, text in ERRORS.items():
        case = {"name": name, "text": text}
        try:
            load(text)
            case["ok"] = True
        except yaml.YAMLError as err:
            mark = getattr(err, "problem_mark", None) or getattr(err, "context_mark", None)
            case["line"] = mark.line + 1 if mark else 0
            case["col"] = mark.column + 1 if mark else 0
            case["problem"] = str(getattr(err, "problem", "") or err)
        out["errors"].append(case)
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engine", "yaml", "testdata", "recorded.json")
    with open(here, "w") as f:
        json.dump(out, f, indent=1, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main()
