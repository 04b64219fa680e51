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
from ansible.plugins.loader import init_plugin_loader as _init  # noqa: F401  (absent before 2.15)
