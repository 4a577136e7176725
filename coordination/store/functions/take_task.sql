-- Report on a task, taking it when it is free: compare-and-set on its holder.
-- Raises CO003 when another live agent has it (who and since when), CO005 when the task is completed or failed and
-- the report is not 'started', which opens it again, or when it would begin what a later plan replaced. CO003 too when it
-- begins, for the first time or again, and other tasks (which, in waits_for) have to be completed before, or somebody is
-- at one with its files: the release before knows no code of its own for that, and so tells of the first of these tasks
-- as it tells of one that is taken. A field left null keeps its value.
-- Whoever planned the task is told with the next sync when it ends or is stuck.
CREATE OR REPLACE FUNCTION coordination_take_task(
    p_workspace text, p_session text, p_agent text, p_task text, p_status text, p_progress integer, p_message text,
    p_files text[], p_file_keys text[], p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_task tasks;
    v_kind text;
    v_waits_for jsonb;
BEGIN
    SELECT t.* INTO v_task FROM tasks t
    WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = p_task;
    IF FOUND AND v_task.agent_id <> p_agent AND v_task.status IN ('started', 'in_progress', 'blocked')
       AND coordination_agent_is_live(p_workspace, p_session, v_task.agent_id, p_now) THEN
        RAISE EXCEPTION 'task is taken' USING ERRCODE = 'CO003',
            DETAIL = jsonb_build_object('task_id', p_task, 'agent_id', v_task.agent_id,
                                        'since', v_task.taken_at, 'status', v_task.status)::text;
    END IF;
    IF v_task.status IN ('completed', 'failed') AND p_status <> 'started'
       AND NOT (p_status = v_task.status AND v_task.agent_id = p_agent) THEN
        RAISE EXCEPTION 'task is closed' USING ERRCODE = 'CO005',
            DETAIL = jsonb_build_object('task_id', p_task, 'status', v_task.status)::text;
    END IF;
    IF v_task.id IS NULL AND p_status NOT IN ('completed', 'failed') AND EXISTS (
        SELECT FROM plans p
        WHERE p.workspace_id = p_workspace AND p.session_id = p_session
          AND p.handed_out @> jsonb_build_array(jsonb_build_object('task_id', p_task))) THEN
        RAISE EXCEPTION 'task was replaced' USING ERRCODE = 'CO005',
            DETAIL = jsonb_build_object('task_id', p_task, 'status', 'replaced')::text;
    END IF;
    IF p_status NOT IN ('completed', 'failed')
       AND (v_task.status = 'pending'
            OR p_status <> 'blocked'
               AND (v_task.status NOT IN ('started', 'in_progress') OR v_task.agent_id IS DISTINCT FROM p_agent)) THEN
        SELECT jsonb_agg(jsonb_build_object('task_id', d.id, 'status', d.status, 'agent_id', d.agent_id)
                         ORDER BY d.position, d.id) INTO v_waits_for
        FROM tasks d
        WHERE d.workspace_id = p_workspace AND d.session_id = p_session
          AND (d.id = ANY (v_task.depends_on) AND d.status <> 'completed'
               OR d.id IN (SELECT w.id FROM coordination_tasks_in_the_way(
                               p_workspace, p_session, p_task, v_task.files, p_agent, p_now) AS w(id)));
        IF v_waits_for IS NOT NULL THEN
            RAISE EXCEPTION 'task waits' USING ERRCODE = 'CO003',
                DETAIL = (SELECT jsonb_build_object('task_id', d.id,
                              'agent_id', coalesce(d.agent_id, d.assigned_to, 'nobody'),
                              'since', coalesce(d.taken_at, d.created_at), 'status', d.status,
                              'waiting_task', p_task, 'waits_for', v_waits_for)
                          FROM tasks d
                          WHERE d.workspace_id = p_workspace AND d.session_id = p_session
                            AND d.id = v_waits_for #>> '{0,task_id}')::text;
        END IF;
    END IF;
    v_kind := CASE WHEN v_task.status IN ('completed', 'failed') AND p_status = 'started' THEN 'task.reopened'
                   WHEN p_status = 'in_progress' THEN 'task.progressed'
                   ELSE 'task.' || p_status END;

    INSERT INTO tasks AS t (workspace_id, session_id, id, status, agent_id, taken_at, created_at, updated_at)
    VALUES (p_workspace, p_session, p_task, p_status, p_agent, p_now, p_now, p_now)
    ON CONFLICT (workspace_id, session_id, id) DO UPDATE
        SET status = excluded.status, agent_id = excluded.agent_id, updated_at = p_now,
            taken_at = CASE WHEN t.agent_id = excluded.agent_id AND v_kind <> 'task.reopened' AND t.taken_at IS NOT NULL
                            THEN t.taken_at ELSE p_now END;
    INSERT INTO task_progress AS p (workspace_id, session_id, agent_id, task_id, status, progress_percentage, message,
        affected_files, affected_keys, created_at, updated_at)
    VALUES (p_workspace, p_session, p_agent, p_task, p_status, p_progress, p_message, to_jsonb(p_files), p_file_keys,
        p_now, p_now)
    ON CONFLICT (workspace_id, session_id, agent_id, task_id) DO UPDATE
        SET status = excluded.status, updated_at = p_now,
            progress_percentage = coalesce(excluded.progress_percentage, p.progress_percentage),
            message = coalesce(excluded.message, p.message),
            affected_files = coalesce(excluded.affected_files, p.affected_files),
            affected_keys = coalesce(excluded.affected_keys, p.affected_keys);
    PERFORM coordination_append_event(p_workspace, p_session, p_agent, v_kind,
        jsonb_strip_nulls(jsonb_build_object('task_id', p_task, 'status', p_status, 'progress_percentage', p_progress,
            'message', p_message, 'affected_files', to_jsonb(p_files), 'previous_agent',
            CASE WHEN v_task.agent_id <> p_agent THEN v_task.agent_id END)),
        CASE WHEN p_status IN ('completed', 'failed', 'blocked') THEN ARRAY(
            SELECT p.agent_id FROM plans p
            WHERE p.workspace_id = p_workspace AND p.session_id = p_session AND p.revision = v_task.plan_revision
              AND p.agent_id <> p_agent)
        ELSE '{}' END, p_now);
    RETURN (SELECT jsonb_build_object('task_id', p.task_id, 'status', p.status,
                'progress_percentage', p.progress_percentage, 'message', p.message, 'affected_files', p.affected_files)
            FROM task_progress p
            WHERE p.workspace_id = p_workspace AND p.session_id = p_session AND p.agent_id = p_agent
              AND p.task_id = p_task);
END
$function$;
