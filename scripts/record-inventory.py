#!/usr/bin/python3
"""Records how Ansible reads inventories, values and host patterns.

Writes engine/inventory/testdata/recorded.json. Needs the Debian package ansible-core.
"""
import ast
import json
import os
import shlex
import tempfile

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.utils.addresses import parse_address
from ansible.plugins.inventory import detect_range, expand_hostname_range
from ansible.vars.manager import VariableManager

VALUES = [
    "5000", "True", "False", "None", "true", "yes", '"x"', "'x'", "x", "", "0x1f", "0o17", "0b11", "010", "00", "0", "-5", "+5", "--5", "- 5", "1_000", "1__0", "_1",
    "1.10", "1.", ".5", "1e3", "1E-3", "1e", "1.5.6", "4.0.0-1", "1j", "1+2", "1-2j", "inf", "nan", "1,2", "1,", "(1,)", "()", "(1)", "( 1 , 2 )", "[]", "[1, 'a', None]",
    "['a','b',]", "[,]", "{'a': 1}", "{'a': [1, {'b': (2, 3)}]}", "{1: 2, 'x': 'y',}", "{}", "{'a'}", "set()", "u'x'", "b'x'", "r'a\\d'", "'a\\nb'", "'\\x41\\u00e9'", "'\\d'", "'a' 'b'",
    "'a' b", "'it''s'", "\"it's\"", "'unclosed", "a b", "a=b", "a,b", "http://x/y", "10.0.0.1", "10.0.0.0/8", "{{ x }}", "{{x}}/y", "['{{ x }}']", "5 # five", "'a' # b", "a # b", "pass#word", "1 2",
    "not True", "len", "f'x'", "'''a'''", "\\", "~", "null", "...", "é", "'é'", "123456789012345678901234567890", "1if", "0x", "08", "1.0L", "1L", "\t5", "[1,\t2]", "{'a':1}['a']", "'\\1\\12\\123'", "{[]: 1}", "-True", "+1.5", "-.5", "1.e5",
]

LINES = [
    "a", "a b=1", "a b='x y' c=2", 'a b="x \\" y"', "a b=x\\ y", "a b=x#y", "a b=x #y", "a b='#'", "a b=", "a b", "a b='x", 'a b="x', "a b=\\", "  a   b=1  ", "a b=\"{'x': 1, 'y': ['z']}\"", "a b='{\"x\": 1}'",
    "a b={'x':1}", "a 'b=x y'", "a b=''", "a b=c=d", "#a", "a\tb=1", "é ü=ö", "a k=\"['i1','i2']\" ansible_connection=ssh          ansible_ssh_pass=secret",
]

ADDRESSES = [
    "a", "a:22", "a.b.c:2222", "10.0.0.1", "10.0.0.1:22", "[::1]:22", "::1", "fe80::1:22", "web[01:03]", "web[1:3]", "web[1:10:3]", "web[a:c]", "web[a:c:2]x[1:2]", "web[01:10:2].ex.com:22", "web[9:11]", "web[09:11]", "web[1:]", "web[:2]", "web[3:1]",
    "web[08:10]", "web[001:10]", "a_b", "a-", "-a", "a_", "a b", "x[1]", "a:", "web[1:2", "10.0.0.[1:3]", "[1:3]x", "a:b", "é[1:2]", "web[A:C]", "web[x:2]", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1", "a[1:2]:80",
]

INVENTORIES = {
    "plain": {"hosts": "lone a=1\n\n[web]\nw1 x=1\nw2 x='two words' # c\n; c\n[db]\ndb[01:03].ex port=5\nw1\n[prod:children]\nweb\ndb\n[web:vars]\nv=1\nl=['a', 2]\ns=a b # c\nq=\"x\"\n[all:vars]\ng = yes\n"},
    "declared later": {"hosts": "[a:children]\nb\nc\n[b:vars]\nx=1\n[c]\nh1\n[b]\nh2:2222\n"},
    "children deep": {"hosts": "[p:children]\nq\n[q:children]\nr\n[r]\nh1 own=h\n[p:vars]\nv=p\nw=p\n[q:vars]\nv=q\n[r:vars]\nv=r\nown=r\n[s]\nh1\n[s:vars]\nv=s\nz=s\n[t]\nh1\n[t:vars]\nz=t\n"},
    "priority": {"hosts": "[a]\nh\n[b]\nh\n[a:vars]\nv=a\nansible_group_priority=10\n[b:vars]\nv=b\n"},
    "twice": {"hosts": "[a]\nh x=1 y=1\n[b]\nh x=2\n[a]\nh2\nh z=3\n"},
    "yaml": {"inv.yml": "all:\n  hosts:\n    one: {a: 1, b: yes, c: 0644}\n    two[1:2]:\n  vars: {g: '{{ h }}'}\n  children:\n    web:\n      hosts:\n        w1:\n          ansible_host: 10.0.0.1\n        one:\n      vars: {v: [1, {x: y}]}\n      children:\n        inner: {hosts: {w2: {}}}\nother:\n  hosts: solo:2200\n"},
    "yaml without extension": {"hosts": "web:\n  hosts:\n    a:\n    b:\n"},
    "json": {"inv.json": "{\"web\": {\"hosts\": {\"a\": {\"x\": 1}}, \"vars\": {\"t\": true, \"n\": null}}}"},
    "vars dirs": {
        "hosts": "[web]\nw1 a=inv\n[db]\nd1\n[site:children]\nweb\ndb\n[all:vars]\na=all\nb=all\n[web:vars]\nb=web\nc=web\n",
        "group_vars/all.yml": "a: gv_all\nd: gv_all\n", "group_vars/web": "c: gv_web\ne: gv_web\n", "group_vars/web.yml": "c: ignored\n",
        "group_vars/site/20.yml": "f: two\ne: site\n", "group_vars/site/10.yaml": "f: one\ng: one\n", "group_vars/site/.hidden.yml": "f: hidden\n", "group_vars/site/x.txt": "f: text\n", "group_vars/site/sub/z.yml": "h: sub\n",
        "host_vars/w1.yml": "a: hv\nz: {k: v}\n", "host_vars/d1.json": "{\"a\": \"json\"}", "host_vars/nobody.yml": "a: 1\n",
    },
    "folder": {"inv/01-hosts": "[web]\nw1 a=1\n", "inv/02.yml": "web: {hosts: {w2: {a: 2}}}\ndb: {hosts: {w1: }}\n", "inv/group_vars/web.yml": "v: gv\n", "inv/README.md": "x\n", "inv/old.ini": "[bad\n", "inv/.git": "x y\n", "inv/sub/more": "[sub]\ns1\n", "SOURCE": "inv"},
    "list": {"SOURCE": "b,a,c:22, d ,"},
    "localhost": {"hosts": "localhost ansible_connection=local\n[g]\n127.0.0.1\n"},
    "empty group": {"hosts": "[web]\n[db]\nd1\n"},
    "dashes": {"hosts": "[contrail-controllers]\n10.0.0.1 k=v\n[contrail-compute]\n10.0.0.2\n[all:children]\ncontrail-controllers\ncontrail-compute\n"},
    "same name": {"hosts": "[web]\nweb\n"},
}

BAD = {
    "undeclared child": "[a:children]\nb\n", "undeclared vars": "[a:vars]\nx=1\n", "bad section": "[a b]\nh\n", "bad type": "[a:nope]\nh\n", "no equals": "[a]\nh x\n", "open quote": "[a]\nh x='y\n",
    "vars line": "[a]\n[a:vars]\nx\n", "yaml marks": "---\n", "range": "h[1]\n", "range end": "h[1:]\n", "loop": "[a:children]\nb\n[b:children]\na\n", "self": "[a]\n[a:children]\na\n", "colon": "x\nh[1:2]:\n", "child words": "[a]\n[b:children]\na x\n",
}

PATTERNS = [
    "all", "*", "web", "w1", "web:db", "web,db", "db,web", "web:&prod", "prod:!web", "web:!w1", "!web", "&web", "w*", "~w\\d", "~^(w|l)", "web[0]", "web[-1]", "web[0:1]", "web[1:]", "web[0:0]", "db[1:2]", "prod[1:3]", "nope", "web:nope", "nope:!web", "web[7]", "db0?.ex", "d[ab]0[!1].ex",
    "ungrouped", "localhost", "127.0.0.1", "web:&db:!w2", "w1,w1,w2", "all:!all", "l*:w1", "*.ex", "web-x", "", "prod:!~d.*", "w1[0]", "*:!*", "10.0.0.1",
]

SKIP = ("inventory_", "playbook_dir", "ansible_playbook", "groups", "group_names", "omit", "ansible_version", "ansible_facts", "ansible_check", "ansible_diff", "ansible_forks", "ansible_inventory", "ansible_limit", "ansible_run", "ansible_skip", "ansible_verbosity", "ansible_config", "role_", "env")


def show(v):
    if isinstance(v, dict):
        return "{" + ", ".join(show(k) + ": " + show(x) for k, x in v.items()) + "}"
    if isinstance(v, tuple):
        return "(" + ", ".join(show(x) for x in v) + (",)" if len(v) == 1 else ")")
    if isinstance(v, (list, set)):
        return "[" + ", ".join(show(x) for x in v) + "]"
    if isinstance(v, bytes):
        return repr(v.decode())
    if isinstance(v, str):
        return repr(str(v))
    return repr(v)


def read_value(text):
    try:
        v = ast.literal_eval(text)
    except Exception:
        v = text
    return show(v if not isinstance(v, complex) and v is not ... else text)


def expand(text):
    try:
        host, port = parse_address(text, allow_ranges=True)
    except Exception:
        host, port = text, None
    try:
        return {"hosts": expand_hostname_range(host) if detect_range(host) else [host], "port": port or 0}
    except Exception:
        return {"error": True}


def words(line):
    try:
        return {"words": shlex.split(line, comments=True)}
    except ValueError:
        return {"error": True}


def dump(files):
    with tempfile.TemporaryDirectory() as tmp:
        source = files.get("SOURCE")
        for name, text in files.items():
            if name == "SOURCE":
                continue
            path = os.path.join(tmp, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as f:
                f.write(text)
            if source is None:
                source = name
        if "," not in source:
            source = os.path.join(tmp, source)
        loader = DataLoader()
        inv = InventoryManager(loader, [source])
        vm = VariableManager(loader, inv)
        hosts = {}
        for h in inv.get_hosts("all"):
            v = vm.get_vars(host=h, include_hostvars=False)
            hosts[h.name] = {"vars": {k: show(v[k]) for k in sorted(v) if not k.startswith(SKIP)}, "groups": sorted(g.name for g in h.get_groups() if g.name != "all")}
        return {"order": [h.name for h in inv.get_hosts("all")], "hosts": hosts, "groups": {name: [h.name for h in g.get_hosts()] for name, g in inv.groups.items()}}


def patterns():
    with tempfile.NamedTemporaryFile("w", suffix=".inv") as f:
        f.write(INVENTORIES["plain"]["hosts"])
        f.flush()
        inv = InventoryManager(DataLoader(), [f.name])
        out = []
        for p in PATTERNS:
            try:
                out.append({"pattern": p, "hosts": [h.name for h in inv.get_hosts(p)]})
            except Exception:
                out.append({"pattern": p, "hosts": [], "error": True})
        return out


def main():
    out = {
        "values": [{"text": v, "value": read_value(v)} for v in VALUES],
        "lines": [dict(line=v, **words(v)) for v in LINES],
        "addresses": [dict(text=v, **expand(v)) for v in ADDRESSES],
        "inventories": [dict(name=n, files=f, **dump(f)) for n, f in INVENTORIES.items()],
        "bad": [{"name": n, "text": t, "hosts": dump({"hosts": t})["order"]} for n, t in BAD.items()],
        "patterns": patterns(),
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engine", "inventory", "testdata", "recorded.json")
    with open(path, "w") as f:
        json.dump(out, f, indent=1, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main()
