#!/usr/bin/env python3
"""A provider of keys that a test can look into: provider.py DIRECTORY. It keeps what works in
DIRECTORY/state, and what it was called with in DIRECTORY/calls. DIRECTORY/next is the answer to the
next call instead of its own."""

import json
import os
import sys


def main():
    directory = sys.argv[1]
    request = json.load(sys.stdin)
    state_file = os.path.join(directory, "state")
    state = {"works": [], "ends": {}}
    if os.path.exists(state_file):
        with open(state_file) as file:
            state = json.load(file)
    with open(os.path.join(directory, "calls"), "a") as file:
        file.write(f"{request['call']} {request['version']}\n")
    with open(os.path.join(directory, "surroundings"), "a") as file:
        file.write(json.dumps({"argv": sys.argv, "environment": dict(os.environ),
                               "descriptors": sorted(os.listdir("/proc/self/fd"))}) + "\n")
    following = os.path.join(directory, "next")
    if os.path.exists(following):
        with open(following) as file:
            answer = file.read()
        os.remove(following)
        sys.stdout.write(answer)
        return
    value = request["value"]["value"]
    call = request["call"]
    answer = {"result": "ok"}
    if call == "apply":
        state["works"].append(value)
    elif call == "arm":
        state["ends"][value] = request["grace_end_time"]
    elif call == "disarm":
        state["ends"].pop(value, None)
    elif call == "retire":
        state["works"] = [other for other in state["works"] if other != value]
        state["ends"].pop(value, None)
    else:
        answer["works"] = value in state["works"]
    print("the value is", value, file=sys.stderr)
    with open(state_file + ".new", "w") as file:
        json.dump(state, file)
    os.rename(state_file + ".new", state_file)
    print(json.dumps(answer))


main()
