"""What happened in a run, as JSON Lines in the file $DIFFTEST_OUT."""
from __future__ import annotations

import json
import os

from ansible.module_utils.common.text.converters import to_text
from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: difftest
type: stdout
short_description: results as JSON Lines
description: What happened in a run, as JSON Lines in the file $DIFFTEST_OUT.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "difftest"

    def __init__(self):
        super().__init__()
        self.out = open(os.environ["DIFFTEST_OUT"], "w")
        self.rescued = {}

    def put(self, **event):
        self.out.write(json.dumps(event, cls=AnsibleJSONEncoder) + "\n")
        self.out.flush()

    def result(self, result, status, item=False):
        task = result._task
        fields = result._task_fields
        name = fields.get("name") or task.action
        if task._role:
            name = "%s : %s" % (task._role.get_name(), name)
        self.put(kind="item" if item else "result", host=result._host.get_name(), task=to_text(name), module=task.action.split(".")[-1],
                 status=status, result=result._result, no_log=bool(fields.get("no_log")))

    def v2_playbook_on_play_start(self, play):
        self.put(kind="play", task=to_text(play.get_name()))

    def v2_playbook_on_no_hosts_matched(self):
        self.put(kind="no_hosts")

    def v2_playbook_on_notify(self, handler, host):
        self.put(kind="notified", task=handler.get_name(), host=host.get_name())

    def v2_runner_on_ok(self, result):
        self.result(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result):
        self.result(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self.result(result, "unreachable")

    def v2_runner_item_on_ok(self, result):
        self.result(result, "changed" if result._result.get("changed") else "ok", True)

    def v2_runner_item_on_failed(self, result):
        self.result(result, "failed", True)

    def v2_runner_item_on_skipped(self, result):
        self.result(result, "skipped", True)

    def v2_playbook_on_stats(self, stats):
        self.put(kind="stats", stats={h: stats.summarize(h) for h in stats.processed})
