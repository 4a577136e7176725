"""The MCP endpoint: connection, identity, visibility, and the tools as a model meets them."""
