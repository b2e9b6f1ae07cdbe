"""From cargo's messages (JSON lines on standard input): the test programs of the named packages,
one a line, each after the directory that cargo would run it in."""

import json
import pathlib
import sys

found = False
for line in sys.stdin:
    message = json.loads(line)
    if message["reason"] != "compiler-artifact" or not message["profile"]["test"]:
        continue
    name = message["package_id"].rpartition("#")[2].partition("@")[0]
    if message["executable"] and name in sys.argv[1:]:
        found = True
        directory = pathlib.Path(message["manifest_path"]).parent
        print(directory, message["executable"], sep="\t")
sys.exit(0 if found else "no test program of these packages")
