-- Keys begin with the workspace, so that tenants cannot collide and tables can be distributed by it. Then the
-- indexes: the five that the guide's verification looks for, by name, and ours.
-- Of an adopted table every row was written a moment ago anyway, and agents do not work during an adoption.
-- squawk-ignore adding-not-nullable-field
ALTER TABLE file_locks ALTER COLUMN path_key SET NOT NULL;
ALTER TABLE claude_code_sessions ADD PRIMARY KEY (workspace_id, id);
ALTER TABLE claude_code_agents ADD PRIMARY KEY (workspace_id, session_id, id);
ALTER TABLE file_locks ADD PRIMARY KEY (workspace_id, session_id, path_key, checkout, slot);
ALTER TABLE task_progress ADD PRIMARY KEY (workspace_id, session_id, agent_id, task_id);

DROP INDEX IF EXISTS idx_claude_code_agents_session_id;
DROP INDEX IF EXISTS idx_file_locks_session_id;
DROP INDEX IF EXISTS idx_file_locks_expires_at;
DROP INDEX IF EXISTS idx_task_progress_session_id;
DROP INDEX IF EXISTS idx_task_progress_updated_at;
CREATE INDEX idx_claude_code_agents_session_id ON claude_code_agents (session_id);
CREATE INDEX idx_claude_code_agents_checkout ON claude_code_agents (workspace_id, checkout) WHERE checkout <> '';
-- The condition is always true, and only a statement that names an agent proves it. Every other one (what overlaps
-- with these paths?) is left with the primary key: without statistics, or with those of an empty table, the planner
-- takes the smaller index and reads all leases of the session for each path.
CREATE INDEX idx_file_locks_session_id ON file_locks (agent_id, session_id, workspace_id) WHERE agent_id IS NOT NULL;
CREATE INDEX idx_file_locks_expires_at ON file_locks (expires_at);
CREATE INDEX idx_task_progress_session_id ON task_progress (session_id);
CREATE INDEX idx_task_progress_updated_at ON task_progress (updated_at);
CREATE INDEX idx_file_lock_waiters_session_id ON file_lock_waiters (workspace_id, session_id, agent_id);
CREATE INDEX idx_tasks_agent_id ON tasks (workspace_id, session_id, agent_id);
