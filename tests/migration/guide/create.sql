-- Execute in Supabase SQL Editor for production database
-- Tables for multi-agent coordination

-- 1. Sessions table for multi-terminal projects
CREATE TABLE IF NOT EXISTS claude_code_sessions (
    id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    description TEXT,
    user_id VARCHAR NOT NULL,
    status VARCHAR DEFAULT 'active',
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);

-- 2. Agents table for tracking connected terminals
CREATE TABLE IF NOT EXISTS claude_code_agents (
    id VARCHAR PRIMARY KEY,
    session_id VARCHAR NOT NULL REFERENCES claude_code_sessions(id) ON DELETE CASCADE,
    name VARCHAR NOT NULL,
    connection_url VARCHAR,
    status VARCHAR DEFAULT 'connected',
    last_activity TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW()
);

-- 3. File locks table for preventing conflicts
CREATE TABLE IF NOT EXISTS file_locks (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    session_id VARCHAR NOT NULL REFERENCES claude_code_sessions(id) ON DELETE CASCADE,
    agent_id VARCHAR NOT NULL,
    file_path VARCHAR NOT NULL,
    operation VARCHAR NOT NULL CHECK (operation IN ('read', 'write', 'delete')),
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    -- Ensure one agent can lock a file at a time per session
    UNIQUE(session_id, file_path)
);

-- 4. Task progress table for cross-session coordination
CREATE TABLE IF NOT EXISTS task_progress (
    id UUID DEFAULT gen_random_uuid() PRIMARY KEY,
    session_id VARCHAR NOT NULL REFERENCES claude_code_sessions(id) ON DELETE CASCADE,
    agent_id VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('started', 'in_progress', 'completed', 'failed', 'blocked')),
    progress_percentage INTEGER CHECK (progress_percentage IS NULL OR (progress_percentage >= 0 AND progress_percentage <= 100)),
    message TEXT,
    affected_files JSONB,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT NOW(),
    UNIQUE(session_id, agent_id, task_id)
);

-- Create indexes for performance
CREATE INDEX IF NOT EXISTS idx_claude_code_agents_session_id ON claude_code_agents(session_id);
CREATE INDEX IF NOT EXISTS idx_file_locks_session_id ON file_locks(session_id);
CREATE INDEX IF NOT EXISTS idx_file_locks_expires_at ON file_locks(expires_at);
CREATE INDEX IF NOT EXISTS idx_task_progress_session_id ON task_progress(session_id);
CREATE INDEX IF NOT EXISTS idx_task_progress_updated_at ON task_progress(updated_at);
