-- Drop coordination tables if rollback needed (CAUTION: Data loss)
DROP TABLE IF EXISTS task_progress;
DROP TABLE IF EXISTS file_locks;  
DROP TABLE IF EXISTS claude_code_agents;
DROP TABLE IF EXISTS claude_code_sessions;
