-- One sync of an agent: report on a task, send a message, and read the news, its leases and its next task; also the
-- task that it is at, of those that are left for it the first one that waits, with what it waits for, and the first one
-- that is for another user's agent of its name who never came.
-- Raises CO003 (task taken, or waits for others), CO004 (unknown recipient), CO005 (task closed); then nothing is written.
CREATE OR REPLACE FUNCTION coordination_sync_progress(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb,
    p_task text, p_status text, p_progress integer, p_message text, p_files text[], p_file_keys text[], p_to text[]
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_task jsonb;
    v_sent_to text[];
    v_released jsonb := '[]'::jsonb;
    v_news jsonb;
BEGIN
    SELECT e.entered_at INTO v_now
    FROM coordination_enter_session(p_workspace, p_session, p_agent, p_checkout, p_actor) e;
    -- What the caller lost by the clock is removed and told now, not when somebody next needs the path.
    PERFORM coordination_remove_expired(p_workspace, p_session, ARRAY(
        SELECT l FROM file_locks l
        WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
          AND l.expires_at <= v_now), v_now);
    -- Before the report: a task that it ends counts for what happened on its files until now.
    v_news := coordination_read_news(p_workspace, p_session, p_agent, 20);
    IF p_task IS NOT NULL THEN
        v_task := coordination_take_task(p_workspace, p_session, p_agent, p_task, p_status, p_progress, p_message,
            p_files, p_file_keys, v_now);
        IF p_status IN ('completed', 'failed') THEN
            v_released := coordination_finish_task(p_workspace, p_session, p_agent, p_task, p_status = 'completed',
                v_now);
        END IF;
    END IF;
    IF p_to IS NOT NULL THEN
        v_sent_to := coordination_send_message(p_workspace, p_session, p_agent, p_message, p_to, v_now);
    END IF;
    RETURN jsonb_build_object('now', v_now, 'task', v_task, 'sent_to', to_jsonb(v_sent_to), 'released', v_released,
        'news', v_news,
        'leases', (SELECT coalesce(jsonb_agg(coordination_describe_lock(l, v_now) ORDER BY l.expires_at), '[]')
                   FROM (SELECT * FROM file_locks f
                         WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.agent_id = p_agent
                           AND f.expires_at > v_now
                         ORDER BY f.expires_at LIMIT 20) l),
        'lease_count', (SELECT count(*) FROM file_locks f
                        WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.agent_id = p_agent
                          AND f.expires_at > v_now),
        'open_task', (SELECT t.id FROM tasks t
                      WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.agent_id = p_agent
                        AND t.status IN ('started', 'in_progress')
                      ORDER BY t.taken_at DESC, t.id LIMIT 1),
        'waiting_task', (SELECT jsonb_build_object('task_id', t.id, 'waits_for', (
                             SELECT jsonb_agg(jsonb_build_object('task_id', d.id, 'status', d.status,
                                                                 'agent_id', d.agent_id) ORDER BY d.position, d.id)
                             FROM tasks d
                             WHERE d.workspace_id = p_workspace AND d.session_id = p_session
                               AND d.id = ANY (t.depends_on) AND d.status <> 'completed'))
                         FROM tasks t
                         WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.status = 'pending'
                           AND t.assigned_to = p_agent
                           AND EXISTS (SELECT FROM tasks d
                                       WHERE d.workspace_id = p_workspace AND d.session_id = p_session
                                         AND d.id = ANY (t.depends_on) AND d.status <> 'completed')
                         ORDER BY t.position, t.id LIMIT 1),
        'namesake_task', (SELECT jsonb_build_object('task_id', t.id, 'assigned_to', t.assigned_to)
                          FROM tasks t
                          WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.status = 'pending'
                            AND t.assigned_to <> p_agent
                            AND split_part(t.assigned_to, '/', 2) = split_part(p_agent, '/', 2)
                            AND NOT EXISTS (SELECT FROM tasks m
                                            WHERE m.workspace_id = p_workspace AND m.session_id = p_session
                                              AND m.assigned_to = p_agent)
                            AND NOT EXISTS (SELECT FROM claude_code_agents a
                                            WHERE a.workspace_id = p_workspace AND a.session_id = p_session
                                              AND a.id = t.assigned_to)
                            AND NOT EXISTS (SELECT FROM tasks d
                                            WHERE d.workspace_id = p_workspace AND d.session_id = p_session
                                              AND d.id = ANY (t.depends_on) AND d.status <> 'completed')
                          ORDER BY t.position, t.id LIMIT 1),
        'next_task', (SELECT jsonb_build_object('task_id', t.id, 'description', t.description)
                      FROM tasks t
                      WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.status = 'pending'
                        AND t.assigned_to = p_agent
                        AND NOT EXISTS (SELECT FROM tasks d
                                        WHERE d.workspace_id = p_workspace AND d.session_id = p_session
                                          AND d.id = ANY (t.depends_on) AND d.status <> 'completed')
                      ORDER BY t.position, t.id LIMIT 1));
END
$function$;
