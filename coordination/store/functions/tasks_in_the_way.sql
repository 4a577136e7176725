-- The tasks that other agents are at, and that share a file with this one, `p_task` that will write `p_files`: it must
-- not begin beside them. Plans keep such tasks apart by what waits for what; what is taken up again, or was left over by
-- a plan before, did not stand in the plan that did so. An agent that is not there any more writes nothing.
CREATE OR REPLACE FUNCTION coordination_tasks_in_the_way(
    p_workspace text, p_session text, p_task text, p_files text[], p_agent text, p_now timestamptz
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
    WITH mine AS MATERIALIZED (
        SELECT DISTINCT coordination_path_key(f.path) AS key FROM unnest(p_files) AS f(path)),
    theirs AS MATERIALIZED (
        SELECT t.id, coordination_path_key(f.path) AS key
        FROM tasks t CROSS JOIN LATERAL unnest(t.files) AS f(path)
        WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.id <> p_task
          AND t.status IN ('started', 'in_progress') AND t.agent_id <> p_agent
          AND coordination_agent_is_live(p_workspace, p_session, t.agent_id, p_now))
    SELECT t.id FROM theirs t CROSS JOIN LATERAL coordination_covering_keys(t.key) AS c(key) JOIN mine m ON m.key = c.key
    UNION
    SELECT t.id FROM mine m CROSS JOIN LATERAL coordination_covering_keys(m.key) AS c(key) JOIN theirs t ON t.key = c.key
$function$;
