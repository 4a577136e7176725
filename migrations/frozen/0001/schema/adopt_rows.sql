-- Rows that were there before: their values stay. What was null where the product needs a value gets the default, and
-- dates that no calendar holds (infinity, the year 12026) become the last or the first that it does. A slot of their
-- own keeps locks apart where two spellings of one file were locked; they conflict and end like any lease.
UPDATE claude_code_sessions SET status = 'active' WHERE status IS NULL;
UPDATE claude_code_sessions SET created_at = now() WHERE created_at IS NULL;
UPDATE claude_code_agents SET status = 'connected' WHERE status IS NULL;
UPDATE claude_code_agents SET last_activity = coalesce(created_at, now()) WHERE last_activity IS NULL;
UPDATE claude_code_agents a SET user_id = s.user_id FROM claude_code_sessions s WHERE s.id = a.session_id;

UPDATE file_locks
SET path_key = coordination_path_key(file_path), slot = 'adopted:' || id, granted_at = coalesce(created_at, now());

UPDATE claude_code_sessions SET created_at = least(greatest(created_at, '1970-01-01Z'), '9999-01-01Z')
WHERE created_at NOT BETWEEN '1970-01-01Z' AND '9999-01-01Z';
UPDATE claude_code_agents SET last_activity = least(greatest(last_activity, '1970-01-01Z'), now())
WHERE last_activity NOT BETWEEN '1970-01-01Z' AND '9999-01-01Z';
UPDATE file_locks SET expires_at = least(greatest(expires_at, '1970-01-01Z'), '9999-01-01Z')
WHERE expires_at NOT BETWEEN '1970-01-01Z' AND '9999-01-01Z';
UPDATE file_locks SET granted_at = least(greatest(granted_at, '1970-01-01Z'), now())
WHERE granted_at NOT BETWEEN '1970-01-01Z' AND '9999-01-01Z';
