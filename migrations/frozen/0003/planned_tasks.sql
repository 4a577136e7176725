-- The tasks that belong to a plan of a session, in the order of the plan, as they are now.
CREATE OR REPLACE FUNCTION coordination_planned_tasks(p_workspace text, p_session text, p_revision integer) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
    SELECT coalesce(jsonb_agg(jsonb_build_object('task_id', t.id, 'description', t.description, 'status', t.status,
               'agent_id', t.agent_id, 'assigned_to', t.assigned_to, 'depends_on', t.depends_on, 'files', t.files,
               'work', coalesce(t.work, 0)) ORDER BY t.position, t.id), '[]')
    FROM tasks t
    WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.plan_revision = p_revision
$function$;
