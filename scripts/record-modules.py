#!/usr/bin/python3
"""Records which modules ansible-core 2.14 knows by a short name, and the
collections they come from, for engine/module/ansible.txt: one collection a line.

Run by hand, with ansible-core 2.14 from the distribution:
    /usr/bin/python3 scripts/record-modules.py > engine/module/ansible.txt
"""
import collections
import os
import pkgutil

import ansible
import ansible.modules
import yaml

where = os.path.join(os.path.dirname(ansible.__file__), "config", "ansible_builtin_runtime.yml")
with open(where, encoding="utf-8") as f:
    routes = yaml.safe_load(f)["plugin_routing"]["modules"]

found = collections.defaultdict(set)
for m in pkgutil.iter_modules(ansible.modules.__path__):
    if not m.name.startswith("_"):
        found["ansible.builtin"].add(m.name)
for short, route in routes.items():
    if "redirect" in route:
        found[route["redirect"].rpartition(".")[0]].add(short)
for collection in sorted(found):
    print(collection + ": " + " ".join(sorted(found[collection])))
