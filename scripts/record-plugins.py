#!/usr/bin/python3
"""Records what ansible-core 2.14 makes of playbook strings, for the case files
engine/vars/testdata/plugins/*.txt: one string a line, with the variables of
vars.json beside them. The answers go into a .json of the same name.

Run by hand, with ansible-core 2.14, its collections, netaddr, jmespath, and for
secrets.txt and general.txt passlib, bcrypt and hashids from the distribution:
    /usr/bin/python3 scripts/record-plugins.py engine/vars/testdata/plugins [NAME...]
A file whose name begins with native is recorded with jinja2_native. The folder
testdata/lookups has cases of its own, which see its files and templates:
    /usr/bin/python3 scripts/record-plugins.py engine/vars/testdata/lookups cases ../plugins/vars.json
"""
import datetime
import glob
import json
import os
import subprocess
import sys

os.environ.setdefault("TZ", "UTC")
WHERE = sys.argv[1]
VARS = sys.argv[3] if len(sys.argv) > 3 and sys.argv[3].endswith("vars.json") else "vars.json"
NATIVE = os.environ.get("ANSIBLE_JINJA2_NATIVE") == "true"


def plain(v):
    if type(v).__name__.endswith("Undefined"):
        return "UNDEFINED"
    if isinstance(v, bytes):
        return "BYTES"
    if isinstance(v, dict):
        return {k if isinstance(k, str) else json.dumps(k): plain(x) for k, x in v.items()}
    if isinstance(v, (str, int, float, type(None))):
        return v
    if isinstance(v, (datetime.datetime, datetime.date, datetime.timedelta)):
        return str(v)
    if isinstance(v, (list, tuple, set)) or hasattr(v, "__iter__"):
        return [plain(x) for x in v]
    return str(v)


def record(name):
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar
    variables = json.load(open(os.path.join(WHERE, VARS)))
    loader = DataLoader()
    loader.set_basedir(os.path.abspath(WHERE))
    variables["ansible_search_path"] = [os.path.abspath(WHERE)]
    cases = []
    for src in open(os.path.join(WHERE, name + ".txt"), encoding="utf-8").read().split("\n"):
        if not src:
            continue
        case = {"expr": src}
        try:
            v = plain(Templar(loader, variables=json.loads(json.dumps(variables))).template(src))
            json.dumps(v, allow_nan=False)
            case.update(outcome="ok", value=v)
        except Exception as e:  # noqa: BLE001 every refusal is recorded
            text = str(e) or type(e).__name__
            case.update(outcome="err", value=text.replace(src, "SOURCE")[:300])
        cases.append(case)
    with open(os.path.join(WHERE, name + ".json"), "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")


def main():
    names = [n for n in sys.argv[2:] if not n.endswith("vars.json")] or sorted(os.path.basename(p)[:-4] for p in glob.glob(os.path.join(WHERE, "*.txt")))
    for name in names:
        if name.startswith("native") and not NATIVE:
            subprocess.run([sys.executable, sys.argv[0], WHERE, name], env=dict(os.environ, ANSIBLE_JINJA2_NATIVE="true"), check=True)
        else:
            record(name)


main()
