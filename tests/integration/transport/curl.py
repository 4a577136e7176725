"""The two lines by which the deployment guide checks a service, and how tests run them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from typing import Any

import pytest

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")

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


async def run_line(line: str, url: str) -> dict[str, Any]:
    """Run a line of the deployment guide in a shell, byte for byte but the host."""
    shell = await asyncio.create_subprocess_shell(
        line,
        env={"PATH": os.environ["PATH"], "HOST": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await shell.communicate()
    assert shell.returncode == 0
    return json.loads(output)
