-- What follows when a task ends: its locks are released, and after a completion the agents whose tasks waited for
-- nothing else are told (task.unblocked). Returns the released leases.
CREATE OR REPLACE FUNCTION coordination_finish_task(
    p_workspace text, p_session text, p_agent text, p_task text, p_completed boolean, p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    IF p_completed THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'task.unblocked',
            jsonb_build_object('task_id', t.id, 'after', p_task),
            CASE WHEN t.assigned_to IS NULL THEN '{}' ELSE ARRAY[t.assigned_to] END, p_now)
        FROM tasks t
        WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.status = 'pending'
          AND p_task = ANY (t.depends_on)
          AND NOT EXISTS (SELECT FROM tasks d
                          WHERE d.workspace_id = p_workspace AND d.session_id = p_session
                            AND d.id = ANY (t.depends_on) AND d.status <> 'completed');
    END IF;
    RETURN coordination_drop_locks(p_workspace, p_session, p_agent,
        ARRAY(SELECT l FROM file_locks l
              WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
                AND l.task_id = p_task AND l.expires_at > p_now), 'lock.released', '{}', p_now);
END
$function$;
