#!/usr/bin/python3
"""Records texts encrypted by Ansible Vault in engine/vault/testdata/recorded.json."""
import json
import os

from ansible.parsing.vault import VaultLib, VaultSecret

CASES = [("pw", None, "hello"), ("pw", None, ""), ("pässwörd", None, "sixteen bytes ok"), ("pw", "dev", "line one\nline two\n"), ("x" * 100, "prod", "é" * 200)]
out = []
for password, vault_id, clear in CASES:
    secret = VaultSecret(password.encode())
    lib = VaultLib([(vault_id or "default", secret)])
    text = lib.encrypt(clear, secret, vault_id, salt="0123456789abcdef0123456789abcdef").decode()
    out.append({"password": password, "id": vault_id or "", "clear": clear, "text": text, "salt": "0123456789abcdef0123456789abcdef"})
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "engine", "vault", "testdata", "recorded.json")
with open(path, "w") as f:
    json.dump(out, f, indent=1, ensure_ascii=False)
    f.write("\n")
