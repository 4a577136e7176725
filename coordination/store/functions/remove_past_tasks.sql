-- Remove what a session no longer needs of its plans: tasks that ended before p_before, with what was reported on them,
-- plans that later ones replaced, and analyses. The newest plan stays whole, and a task for which another one waits.
-- At most p_most tasks and reports; plans and analyses are few. Called under the session's lock.
CREATE OR REPLACE FUNCTION coordination_remove_past_tasks(
    p_workspace text, p_session text, p_before timestamptz, p_most integer
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_newest integer;
BEGIN
    SELECT p.revision INTO v_newest FROM plans p
    WHERE p.workspace_id = p_workspace AND p.session_id = p_session
    ORDER BY p.revision DESC LIMIT 1;
    DELETE FROM tasks t
    WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.id IN (
        SELECT o.id FROM tasks o
        WHERE o.workspace_id = p_workspace AND o.session_id = p_session
          AND o.status IN ('completed', 'failed') AND o.updated_at < p_before
          AND (o.plan_revision IS NULL OR o.plan_revision < v_newest)
          AND NOT EXISTS (SELECT FROM tasks w
                          WHERE w.workspace_id = p_workspace AND w.session_id = p_session
                            AND w.status NOT IN ('completed', 'failed') AND o.id = ANY (w.depends_on))
        LIMIT p_most);
    DELETE FROM task_progress p
    WHERE p.workspace_id = p_workspace AND p.session_id = p_session AND p.id IN (
        SELECT o.id FROM task_progress o
        WHERE o.workspace_id = p_workspace AND o.session_id = p_session AND o.updated_at < p_before
          AND NOT EXISTS (SELECT FROM tasks t
                          WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = o.task_id)
        LIMIT p_most);
    DELETE FROM plans p
    WHERE p.workspace_id = p_workspace AND p.session_id = p_session AND p.created_at < p_before
      AND p.revision < v_newest
      AND NOT EXISTS (SELECT FROM tasks t
                      WHERE t.workspace_id = p_workspace AND t.session_id = p_session
                        AND t.plan_revision = p.revision);
    DELETE FROM plan_analyses a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.created_at < p_before
      AND NOT EXISTS (SELECT FROM plans p
                      WHERE p.workspace_id = p_workspace AND p.session_id = p_session AND p.analysis_id = a.id);
END
$function$;
