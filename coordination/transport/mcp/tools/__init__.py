"""One module per MCP tool: its schema, its description, and its answer as text and structure."""
