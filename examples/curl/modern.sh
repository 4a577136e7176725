#!/bin/sh
# The protocol of 2026-07-28 by hand: every request stands alone and says in `_meta` who sends it.
# Usage: examples/curl/modern.sh [URL [LOCAL_TOKEN]]
set -eu

url="${1:-http://127.0.0.1:8000}/mcp/v2/claude/alice__session__curl__impl_a"
meta='"_meta": {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": {"name": "claude-code", "version": "1.0"}
}'
# The local token, where the service asks for it: `coord up` prints a line that has it.
if [ -n "${2:-}" ]; then set -- --header "Authorization: Bearer $2"; else set --; fi

# The headers repeat the method, and for a call the tool's name; they must match the body.
ask() { # ask METHOD PARAMETERS [TOOL], with curl's own options in "$@" of the script
    method=$1 parameters=$2 tool=${3:-}
    shift 2
    if [ $# -gt 0 ]; then shift; fi
    curl --silent --show-error --fail-with-body "$url" "$@" \
        --header "Content-Type: application/json" \
        --header "Accept: application/json" \
        --header "MCP-Protocol-Version: 2026-07-28" \
        --header "Mcp-Method: $method" \
        ${tool:+--header "Mcp-Name: $tool"} \
        --data "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"$method\", \"params\": {$parameters $meta}}"
    echo
}
call() { # call TOOL ARGUMENTS
    tool=$1 arguments=$2
    shift 2
    ask tools/call "\"name\": \"$tool\", \"arguments\": $arguments," "$tool" "$@"
}

echo "== who is there =="
ask server/discover "" "" "$@"

echo "== what may I call =="
ask tools/list "" "" "$@"

echo "== lock two paths for five minutes, all or nothing =="
call claim_file_lock '{"file_paths": ["src/app.py", "docs"], "duration_minutes": 5, "reason": "renaming"}' "$@"

echo "== report on a task, and read the news =="
call sync_progress '{"task_id": "rename", "status": "started", "progress_percentage": 10}' "$@"

echo "== who is here =="
call check_agent_status '{}' "$@"

echo "== give everything back =="
call claim_file_lock '{"action": "release"}' "$@"
