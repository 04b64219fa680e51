#!/usr/bin/python3
"""Records how Ansible takes tasks and free-form arguments apart, and how it matches tags.

Writes engine/playbook/testdata/recorded.json. Needs the Debian package ansible-core.
"""
import itertools
import json
import os

import yaml
from ansible.errors import AnsibleError
from ansible.parsing.mod_args import ModuleArgsParser
from ansible.parsing.splitter import parse_kv
from ansible.playbook.taggable import Taggable

KV = [
    "a=b", "a=b c=d", "a='x y' b=\"z w\"", "src={{ a }} dest=/x", "src={{ a | default('x y') }}/b dest={{ d }}", "path=/x mode=0644", "a=b=c", "a=", "=b", "a", "a b=c d", "msg=\"it's\"", "msg='say \"x\"'",
    "a='{{ x }} y' b={% if a %}1 2{% endif %}", "x={{ '}}' }} y=1", "a=b\nc=d", "a='x\ny' b=1", "a=b \\\n c=d", "a=\\\"x", "a=x\\=y", "a\\=b", "line='a = b' state=present", "regexp=^a\\s+b line='c\\td'", "a='unclosed", "{{ x }", "a={{ x",
    "a={# c d #}x", "a =b", "a= b", "a='b'c", "a=\"\"", "", "   ", "a=b   c=d", "  a=b", "a=$HOME/x", "a=b;c", "a=é b='ü x'", "args='{\"x\": [1, 2]}'", "a=[1, 2]", "a={'x': 1}",
    "name=foo state={{ 'present' if x else 'absent' }}", "a='\\u00e9' b=\\x41", "msg=one two three", "a='b' 'c'", "x='a=b c=d'",
]
RAW = [
    "echo hi", "echo hi chdir=/x", "echo a=b c=d", "creates=/x echo  two  blanks", "echo 'a b'  \"c d\"", "echo hi\necho there", "echo hi \\\n  there", "cat <<E\n x\nE", "chdir=/x", "echo {{ a }} {{ b | default('c d') }} creates={{ e }}/f",
    "if [ a = b ]; then\n  echo x\nfi", "echo \"it's\"", "echo it\\'s", "a='b c' cmd", "executable=/bin/bash echo $x", "awk '{print $1}' f", "removes='/a b' rm x", "echo   x", "echo x   ", "echo \\n", "warn=no x", "stdin='a b' cat", "echo chdir = /x", "x chdir='{{ d }}'",
    "grep -E '^(a|b)=' f", "sed -i 's/a=b/c=d/' f", "\n  echo x\n", "echo 'unclosed", "echo {{ x", "docker ps --format '{{ '{{' }}.ID{{ '}}' }}'",
]
TASKS = [
    "copy: src=a dest=b", "copy: {src: a, dest: b}", "copy:\n  src: a\nargs:\n  mode: 0644\n  src: low", "shell: echo hi chdir=/x\nargs: {executable: /bin/bash}", "command: echo hi", "command: {cmd: echo hi, chdir: /x}", "command:\n  argv: [echo, hi]",
    "action: copy src=a dest=b", "action: shell echo a=b chdir=/x", "action: {module: copy, src: a, dest: b}", "action: {module: copy src=a, dest: b}", "action: {module: copy, args: {src: a}}", "local_action: command echo hi", "local_action: {module: file, path: /x, state: absent}",
    "ping:", "ansible.builtin.copy: src=a dest=b", "ansible.builtin.shell: echo a=b", "set_fact: a=1 b='x y'", "set_fact: {a: 1}", "debug: msg=hi", "debug: msg='hi there'", "debug: msg=hi there", "debug: \"{{ x }}\"", "copy: \"{{ x }} dest=y\"", "meta: flush_handlers",
    "include_vars: x.yml", "include_vars: file=x.yml name=y", "include_tasks: x.yml", "include_tasks: {file: x.yml, apply: {tags: a}}", "include: x.yml a=1 b='c d'", "import_role: name=x tasks_from=y", "add_host: name=h groups=a,b x=1", "group_by: key=os_{{ x }}", "raw: echo a=b",
    "script: /x/y.sh a=b creates=/z", "copy: src=a dest=b\nargs: \"{{ x }}\"", "fail: msg=x\nwhen: y", "template: src={{ a }}.j2 dest=/etc/{{ a | default('b c') }}.conf mode=0644", "lineinfile: dest=/x line='a=b c' regexp='^a='", "command: echo hi\nargs: {chdir: /y, creates: z}",
    "shell: |\n  echo a\n  echo b=c\n", "shell: >\n  echo a\n  chdir=/x\n", "yum: name=httpd,foo state=latest", "copy: src=a dest=b\nfile: path=x", "name: x", "command: 5", "copy: [a]", "action: copy\nlocal_action: copy", "copy: x", "args: {a: b}\nping:", "wait_for: port=22 delay=1",
    "shell: ''", "command: ''",
]


def kv(text, raw):
    try:
        return {"text": text, "value": {k: str(v) for k, v in parse_kv(text, check_raw=raw).items()}}
    except (AnsibleError, IndexError):
        return {"text": text, "error": True}


def task(text):
    try:
        action, args, delegate = ModuleArgsParser(yaml.safe_load(text)).parse(skip_action_validation=True)
        raw = args.pop("_raw_params", None)
        tmpl = args.pop("_variable_params", None)
        if action.split(".")[-1] in ("command", "shell", "script") and "cmd" in args:
            raw = args.pop("cmd")
        return {"text": text, "action": action, "args": {k: repr(v) for k, v in args.items()}, "raw": raw, "template": tmpl, "delegate": delegate if isinstance(delegate, str) else ""}
    except (AnsibleError, IndexError, AttributeError):
        return {"text": text, "error": True}


class Tagged(Taggable):
    _loader = None

    def __init__(self, tags):
        self.tags = tags


def tags():
    sets = [[], ["a"], ["a", "b"], ["always"], ["never"], ["never", "a"], ["always", "a"], ["always", "never"]]
    only = [["all"], ["a"], ["b"], ["tagged"], ["untagged"], ["never"], ["all", "never"], ["always"], ["zzz"], ["untagged", "a"]]
    skip = [[], ["a"], ["all"], ["tagged"], ["untagged"], ["always"], ["never"], ["all", "always"]]
    return [{"tags": t, "only": o, "skip": s, "run": bool(Tagged(list(t)).evaluate_tags(o, s, {}))} for t, o, s in itertools.product(sets, only, skip)]


out = {"kv": [kv(t, False) for t in KV], "raw": [kv(t, True) for t in RAW], "tasks": [task(t) for t in TASKS], "tags": tags()}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engine", "playbook", "testdata", "recorded.json")
with open(path, "w") as f:
    text = json.dumps(out, ensure_ascii=False, separators=(",", ":"))
    f.write(text.replace("},{\"t", "},\n{\"t"))
    f.write("\n")
