"""Write what the container engine holds as JSON: kind and name -> what inspecting it says."""
import json
import subprocess


def docker(*words):
    return subprocess.run(("docker",) + words, check=True, stdout=subprocess.PIPE).stdout.decode()


def inspect(kind, *listing):
    ids = docker(*listing).split()
    return json.loads(docker(kind, "inspect", *ids)) if ids else []


state = {}
for c in inspect("container", "container", "ls", "-aq"):
    state["container " + c["Name"].lstrip("/")] = c
for n in inspect("network", "network", "ls", "-q", "--filter", "type=custom"):
    state["network " + n["Name"]] = n
for v in inspect("volume", "volume", "ls", "-q"):
    state["volume " + v["Name"]] = v
for i in inspect("image", "image", "ls", "-aq"):
    for tag in i["RepoTags"]:
        state["image " + tag] = i
print(json.dumps(state))
