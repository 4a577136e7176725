"""The HTTP API beside MCP, and the health routes. It mirrors the services one to one."""
