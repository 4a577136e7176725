-- Verify all tables were created successfully
SELECT table_name FROM information_schema.tables 
WHERE table_name IN ('claude_code_sessions', 'claude_code_agents', 'file_locks', 'task_progress');

-- Check table constraints and indexes
SELECT schemaname, indexname, tablename FROM pg_indexes 
WHERE tablename IN ('claude_code_sessions', 'claude_code_agents', 'file_locks', 'task_progress');
