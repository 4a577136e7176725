-- One task as the answers carry it, with what its holder last reported. `p_task` is a row of tasks.
CREATE OR REPLACE FUNCTION coordination_describe_task(p_task anyelement) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with:
-- @plpgsql_check_options: anyelementtype = public.tasks
DECLARE
    v_reported record;
BEGIN
    SELECT p.progress_percentage, p.message, p.affected_files INTO v_reported
    FROM task_progress p
    WHERE p.workspace_id = p_task.workspace_id AND p.session_id = p_task.session_id
      AND p.agent_id = p_task.agent_id AND p.task_id = p_task.id;
    RETURN jsonb_build_object(
        'task_id', p_task.id, 'description', p_task.description, 'status', p_task.status,
        'agent_id', p_task.agent_id, 'assigned_to', p_task.assigned_to, 'depends_on', p_task.depends_on,
        'files', p_task.files, 'work', p_task.work, 'plan_revision', p_task.plan_revision,
        'progress_percentage', v_reported.progress_percentage, 'message', v_reported.message,
        'affected_files', v_reported.affected_files, 'taken_at', p_task.taken_at, 'updated_at', p_task.updated_at);
END
$function$;
