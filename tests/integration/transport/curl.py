"""The two lines by which the deployment guide checks a service, and how tests run them: with curl or its stand-in."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

CURL_CLAUDE = r"""curl -X POST $HOST/mcp/v2/claude/test_user__session__test_session__planner \
  -H "Content-Type: application/json" \
  -H "x-client-name: claude code" \
  -d '{"jsonrpc": "2.0", "method": "tools/list", "params": {}, "id": 1}'
"""
CURL_CURSOR = r"""curl -X POST $HOST/mcp/v2/cursor/test_user \
  -H "Content-Type: application/json" \
  -H "x-client-name: cursor" \
  -d '{"jsonrpc": "2.0", "method": "tools/list", "params": {}, "id": 1}'
"""
STAND_IN = Path(__file__).with_name("curl_stand_in.py")


async def run_line(line: str, url: str, *, stand_in: bool = shutil.which("curl") is None) -> dict[str, Any]:
    """Run a line of the deployment guide in a shell, byte for byte but the host.

    Args:
        line: it calls curl.
        url: the host.
        stand_in: put our own program into the place of curl, as on a machine that has none.
    """
    with tempfile.TemporaryDirectory() as programs:
        if stand_in:
            program = Path(programs) / "curl"
            program.write_text(
                f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(STAND_IN))} "$@"\n'
            )
            program.chmod(0o755)
        shell = await asyncio.create_subprocess_shell(
            line,
            env={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOST": url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await shell.communicate()
    assert shell.returncode == 0
    return json.loads(output)
