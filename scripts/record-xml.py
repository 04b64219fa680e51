#!/usr/bin/python3
"""Records what community.general's module xml makes of documents, for
tasks/files/testdata/xml.json: each case there has a document ("before") and
arguments; "after" and "result" are written anew.

Run by hand, with ansible-core 2.14, its collections and lxml from the distribution:
    /usr/bin/python3 scripts/record-xml.py tasks/files/testdata/xml.json
"""
import json
import os
import subprocess
import sys
import tempfile

RUN = """
import json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.load(sys.stdin)}).encode()
from ansible_collections.community.general.plugins.modules import xml
xml.main()
"""


def record(case):
    args = dict(case["args"])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "f.xml")
        if "xmlstring" not in args:
            with open(path, "w", newline="") as f:
                f.write(case["before"])
            args["path"] = path
        done = subprocess.run([sys.executable, "-c", RUN], input=json.dumps(args), capture_output=True, text=True)
        try:
            result = json.loads(done.stdout)
        except ValueError:
            result = {"failed": True}
        if "xmlstring" not in args:
            with open(path, newline="") as f:
                case["after"] = f.read()
    result.pop("invocation", None)
    case["result"] = {"failed": True} if result.get("failed") else result


with open(sys.argv[1]) as f:
    cases = json.load(f)
for case in cases:
    record(case)
with open(sys.argv[1], "w") as f:
    json.dump(cases, f, indent=1, ensure_ascii=False)
    f.write("\n")
