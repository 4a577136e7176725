-- Rows as a database has them that lived with the deployment guide's schema: not part of the guide.
INSERT INTO claude_code_sessions (id, name, description, user_id, status, created_at) VALUES
    ('demo', 'Demo', 'two terminals', 'alice', 'active', '2026-01-02 03:04:05.678901+00'),
    ('empty', 'Nobody came', NULL, 'bob', 'archived', '2026-02-03 00:00:00+02'),
    ('vague', '', '', '', NULL, NULL);
INSERT INTO claude_code_agents (id, session_id, name, connection_url, status, last_activity, created_at) VALUES
    ('demo-planner', 'demo', 'planner', 'https://example.org/mcp/v2/claude/alice__session__demo__planner',
     'connected', '2026-01-02 03:05:00+00', '2026-01-02 03:04:05+00'),
    ('demo-impl_a', 'demo', 'impl_a', NULL, 'disconnected', NULL, '2026-01-02 03:04:06+00'),
    ('vague-agent', 'vague', '', NULL, NULL, NULL, NULL),
    ('eternal', 'vague', 'eternal', NULL, 'connected', 'infinity', NULL);
INSERT INTO file_locks (id, session_id, agent_id, file_path, operation, expires_at, created_at) VALUES
    ('00000000-0000-0000-0000-000000000001', 'demo', 'demo-planner', 'src/app.py', 'write',
     now() + interval '1 hour', now() - interval '1 minute'),
    ('00000000-0000-0000-0000-000000000002', 'demo', 'demo-impl_a', './src//App.py', 'read',
     now() + interval '1 hour', NULL),
    ('00000000-0000-0000-0000-000000000003', 'demo', 'demo-impl_a', 'gone.py', 'delete',
     '2026-01-02 03:34:05+00', '2026-01-02 03:04:05+00'),
    ('00000000-0000-0000-0000-000000000004', 'demo', 'left the session', 'docs/**', 'write',
     now() + interval '1 hour', now()),
    ('00000000-0000-0000-0000-000000000005', 'vague', 'vague-agent', 'src/app.py', 'write', 'infinity', '-infinity');
INSERT INTO task_progress (id, session_id, agent_id, task_id, status, progress_percentage, message, affected_files,
                           created_at, updated_at) VALUES
    ('00000000-0000-0000-0000-000000000006', 'demo', 'demo-planner', 't1', 'in_progress', 50, 'half', '["src/app.py"]',
     '2026-01-02 03:04:05+00', '2026-01-02 03:14:05+00'),
    ('00000000-0000-0000-0000-000000000007', 'demo', 'demo-impl_a', 't1', 'blocked', NULL, NULL, NULL, NULL, NULL),
    ('00000000-0000-0000-0000-000000000008', 'vague', 'vague-agent', 't 2', 'completed', 100, '', '{"odd": true}',
     '2026-01-02 03:04:05+00', NULL);
