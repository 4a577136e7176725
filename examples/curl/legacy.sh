#!/bin/sh
# The older protocol (2025-11-25) by hand: `initialize` comes first. The service keeps no connection, so there is no
# session id to send, and `initialize` only tells both sides what the other is.
# Usage: examples/curl/legacy.sh [URL [LOCAL_TOKEN]]
set -eu

url="${1:-http://127.0.0.1:8000}/mcp/v2/claude/alice__session__curl__impl_b"
# The local token, where the service asks for it: `coord up` prints a line that has it.
if [ -n "${2:-}" ]; then set -- --header "Authorization: Bearer $2"; else set --; fi

# In this era only `initialize` carries the client's name, so a header says it with every request.
post() { # post BODY, with curl's own options behind it
    body=$1
    shift
    curl --silent --show-error --fail-with-body "$url" "$@" \
        --header "Content-Type: application/json" \
        --header "Accept: application/json, text/event-stream" \
        --header "MCP-Protocol-Version: 2025-11-25" \
        --header "x-client-name: claude code" \
        --data "$body"
    echo
}
call() { # call TOOL ARGUMENTS
    body="{\"jsonrpc\": \"2.0\", \"id\": 3, \"method\": \"tools/call\", \"params\": {\"name\": \"$1\", \"arguments\": $2}}"
    shift 2
    post "$body" "$@"
}

echo "== shake hands =="
post '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
  "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "claude-code", "version": "1.0"}}}' "$@"
post '{"jsonrpc": "2.0", "method": "notifications/initialized", "params": {}}' "$@"

echo "== what may I call =="
post '{"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}' "$@"

echo "== lock a folder, waiting for it ten seconds at most =="
call claim_file_lock '{"file_paths": ["tests"], "wait_seconds": 10}' "$@"

echo "== keep it longer, then give it back =="
call claim_file_lock '{"file_paths": ["tests"], "action": "renew", "duration_minutes": 30}' "$@"
call claim_file_lock '{"file_paths": ["tests"], "action": "release"}' "$@"
