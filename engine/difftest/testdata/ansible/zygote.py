"""Run many ansible-playbook commands from one warm Python.

Reads jobs as JSON Lines from standard input ({"dir", "argv", "out"}), runs each
in a forked child by ansible-playbook's own entry point, and writes one line
{"index", "exit"} per job to standard output. Importing ansible costs more than
most cases do; everything else is as if ansible-playbook had been started.
"""
import json
import os
import sys

import ansible.cli.playbook as cli
from ansible.plugins import loader

# What every run loads, loaded once.
for plugins in (loader.filter_loader, loader.test_loader):
    list(plugins.all())
for plugins in (loader.lookup_loader, loader.action_loader, loader.strategy_loader, loader.connection_loader,
                loader.become_loader, loader.shell_loader, loader.vars_loader, loader.inventory_loader):
    list(plugins.all(class_only=True))


def child(job):
    os.chdir(job["dir"])
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    out = os.open(job["out"] + ".log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["DIFFTEST_OUT"] = job["out"]
    code = 250
    try:
        cli.main(["ansible-playbook"] + job["argv"])
    except SystemExit as e:
        code = e.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main():
    at_once = int(sys.argv[1])
    running = {}

    def reap():
        pid, status = os.wait()
        if pid in running:
            print(json.dumps({"index": running.pop(pid), "exit": os.waitstatus_to_exitcode(status)}), flush=True)

    for index, line in enumerate(sys.stdin):
        while len(running) >= at_once:
            reap()
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        running[pid] = index
    while running:
        reap()


main()
