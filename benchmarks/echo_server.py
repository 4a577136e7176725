"""An echo tool on a FastMCP server with default settings: what a tool call costs before it does anything."""

import sys

from fastmcp import FastMCP

mcp: FastMCP = FastMCP("echo")


@mcp.tool
def echo(text: str) -> str:
    """Return the text."""
    return text


if __name__ == "__main__":
    mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="warning")
