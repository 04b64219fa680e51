#!/usr/bin/env python3
"""Calls a server as server-manager's own client does: by libcurl, one header
without a blank, no timeouts, PUT with an unescaped query and a JSON body, or
url-encoded without a body option.

  sm-client.py --server 127.0.0.1:9003 provision --server-id node-a --host 192.0.2.11 --role lb [--set key=value ...]
  sm-client.py --server 127.0.0.1:9003 status --server-id node-a --role lb --state In_Progress [--urlencode]
  fairlead sm-send --print request.yml | sm-client.py --server 127.0.0.1:9003 calls

The SSH password is read from SM_PASSWORD."""

import argparse
import io
import json
import os
import sys
import urllib.parse

import pycurl


def send(server, endpoint, payload, method="POST", urlencode=False):
    url = "http://%s/%s" % (server, endpoint)
    if method == "PUT":
        query = urllib.parse.urlencode(payload) if urlencode else "&".join("%s=%s" % kv for kv in payload.items())
        url += "?" + query
    answer = io.BytesIO()
    conn = pycurl.Curl()
    conn.setopt(pycurl.URL, url)
    conn.setopt(pycurl.HTTPHEADER, ["Content-Type:application/json"])
    conn.setopt(pycurl.WRITEFUNCTION, answer.write)
    conn.setopt(pycurl.NOPROXY, "*")
    if method == "PUT" and urlencode:
        conn.setopt(pycurl.PUT, 1)
        conn.setopt(pycurl.READFUNCTION, lambda size: b"")
    else:
        conn.setopt(pycurl.POST, 1)
        conn.setopt(pycurl.POSTFIELDS, json.dumps(payload))
    if method == "PUT":
        conn.setopt(pycurl.CUSTOMREQUEST, "PUT")
    conn.perform()
    code = conn.getinfo(pycurl.RESPONSE_CODE)
    conn.close()
    print(code, answer.getvalue().decode())


def provision(args):
    params = {
        "ansible_host": args.host, "ansible_user": args.user, "ansible_password": os.environ.get("SM_PASSWORD", ""),
        "docker_registry": args.registry, "docker_insecure_registries": args.registry, "docker_registry_insecure": "True",
    }
    for item in args.set:
        key, _, text = item.partition("=")
        params[key] = json.loads(text) if text[:1] in "[{" or text in ("true", "false") or text.isdigit() else text
    for role in args.role:
        params.setdefault(role, {"GLOBAL": {"controller_nodes": args.host}})
    send(args.server, "start_provision", params)
    elements = []
    for role in args.role:
        image = params.get("container_image") or "%s/%s-%s:%s" % (args.registry, args.image_id, role, args.version)
        params[("controller" if role == "control" else role) + "_image"] = image
        elements.append({"server_id": args.server_id, "parameters": dict(params, container_name=role, container_image=image)})
    send(args.server, "run_playbook", elements)


def status(args):
    payload = {"server_id": args.server_id, "role": args.role[0] if args.role else "", "state": args.state}
    send(args.server, "playbook_status", payload, "PUT", args.urlencode)


def calls(args):
    """Sends calls of any generation, read as JSON Lines."""
    for line in sys.stdin:
        call = json.loads(line)
        send(args.server, call["path"].lstrip("/"), call["body"], call["method"])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--server", default="127.0.0.1:9003")
    p.add_argument("command", choices=["provision", "status", "calls"])
    p.add_argument("--server-id", default="")
    p.add_argument("--role", action="append", default=[])
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--user", default="root")
    p.add_argument("--registry", default="127.0.0.1:5100")
    p.add_argument("--image-id", default="img1")
    p.add_argument("--version", default="4.0.0-1")
    p.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="one more parameter; lists, objects, numbers, true and false as JSON")
    p.add_argument("--state", default="In_Progress")
    p.add_argument("--urlencode", action="store_true")
    args = p.parse_args()
    {"provision": provision, "status": status, "calls": calls}[args.command](args)


if __name__ == "__main__":
    sys.exit(main())
