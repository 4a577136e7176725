"""A stand-in for `claude mcp` that keeps entries as the real one does, in `$HOME` under `$PROJECT`."""

from __future__ import annotations

import sys

STAND_IN = f"""#!{sys.executable}
import json, os, pathlib, sys
place, key = pathlib.Path(os.environ["HOME"], ".claude.json"), os.environ["PROJECT"]
config = json.loads(place.read_text()) if place.exists() else {{}}
servers = config.setdefault("projects", {{}}).setdefault(key, {{}}).setdefault("mcpServers", {{}})
verb, name = sys.argv[2:4]
assert sys.argv[1] == "mcp" and sys.argv[-2:] == ["--scope", "local"], sys.argv
if verb == "add-json":
    if name in servers:
        sys.exit(f"MCP server {{name}} already exists in local config")
    servers[name] = json.loads(sys.argv[4])
elif servers.pop(name, None) is None:
    sys.exit(f'No MCP server named "{{name}}" in local scope')
place.write_text(json.dumps(config))
"""
