-- Hand out a plan: its tasks become rows of the session. What has not started of an earlier plan is replaced, what has
-- started is kept as it is, and what failed can be begun again. What shares files with a task that somebody is at
-- waits for it, whether or not that task is in the plan; for one that is blocked it does not. Returns the revision and
-- the tasks of the plan as they are now.
-- What agents began without a plan, and have not ended, becomes the plan's task of that name, with its words.
-- Raises CO011 when tasks that have started would get another description (which), or such as were completed without
-- any, and what coordination_enter_session raises; then nothing is written.
CREATE OR REPLACE FUNCTION coordination_distribute_plan(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb,
    p_analysis text, p_agents integer, p_tasks jsonb
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_revision integer;
    v_ids text[];
    v_kept text[];
    v_again text[];
    v_before text[];
    v_begun jsonb;
    v_tasks jsonb;
BEGIN
    SELECT e.entered_at INTO v_now
    FROM coordination_enter_session(p_workspace, p_session, p_agent, p_checkout, p_actor) e;
    SELECT jsonb_agg(jsonb_build_object('task_id', t.id, 'status', t.status) ORDER BY r.place) INTO v_begun
    FROM jsonb_to_recordset(p_tasks) AS r(id text, description text, place integer)
    JOIN tasks t ON t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = r.id
    WHERE t.status NOT IN ('pending', 'failed') AND t.description IS DISTINCT FROM r.description
      -- Who did it by an earlier plan, after another one had left it out, knew its words.
      AND (t.description IS NOT NULL OR t.status = 'completed' AND NOT EXISTS (
          SELECT FROM plans o CROSS JOIN LATERAL jsonb_array_elements(o.handed_out) AS h(task)
          WHERE o.workspace_id = p_workspace AND o.session_id = p_session
            AND h.task ->> 'task_id' = r.id AND h.task ->> 'description' = r.description));
    IF v_begun IS NOT NULL THEN
        RAISE EXCEPTION 'tasks have begun with other words' USING ERRCODE = 'CO011',
            DETAIL = jsonb_build_object('tasks', v_begun)::text;
    END IF;
    SELECT coalesce(max(p.revision), 0) + 1 INTO v_revision
    FROM plans p WHERE p.workspace_id = p_workspace AND p.session_id = p_session;
    -- Only plans make pending tasks; one whose plan is not known any more (revision 0003 was taken back) goes too.
    WITH replaced AS (
        DELETE FROM tasks t
        WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.status = 'pending'
        RETURNING t.assigned_to)
    SELECT array_agg(DISTINCT r.assigned_to::text) INTO v_before FROM replaced r WHERE r.assigned_to IS NOT NULL;
    SELECT coalesce(array_agg(t.id ORDER BY r.place), '{}') INTO v_again
    FROM jsonb_to_recordset(p_tasks) AS r(id text, place integer)
    JOIN tasks t ON t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = r.id
    WHERE t.status = 'failed';
    WITH planned AS (
        SELECT * FROM jsonb_to_recordset(p_tasks)
            AS r(id text, description text, assigned_to text, depends_on text[], files text[], work real, place integer)),
    written AS (
        INSERT INTO tasks AS t (workspace_id, session_id, id, description, assigned_to, depends_on, files, work,
            position, plan_revision, created_at, updated_at)
        SELECT p_workspace, p_session, r.id, r.description, r.assigned_to, r.depends_on, r.files, r.work, r.place,
               v_revision, v_now, v_now
        FROM planned r
        ON CONFLICT (workspace_id, session_id, id) DO UPDATE
            SET description = excluded.description, assigned_to = excluded.assigned_to,
                depends_on = excluded.depends_on, files = excluded.files, work = excluded.work,
                position = excluded.position, plan_revision = excluded.plan_revision, updated_at = v_now,
                status = 'pending', agent_id = NULL, taken_at = NULL
            WHERE t.status IN ('pending', 'failed')
        RETURNING t.id)
    SELECT (SELECT array_agg(r.id) FROM planned r),
           (SELECT coalesce(array_agg(r.id ORDER BY r.place), '{}') FROM planned r
            WHERE r.id NOT IN (SELECT w.id FROM written w))
    INTO v_ids, v_kept;
    -- A task that had started keeps its state, and belongs to this plan now, at its place; one that no plan had described
    -- is described. What any plan foresaw that it writes counts on. One that is blocked goes on after what this plan puts
    -- before it.
    UPDATE tasks t
    SET plan_revision = v_revision, position = r.place, description = r.description,
        work = CASE WHEN t.description IS NULL THEN r.work ELSE t.work END,
        files = t.files || ARRAY(SELECT f.path FROM unnest(r.files) AS f(path) WHERE f.path <> ALL (t.files)),
        depends_on = CASE WHEN t.description IS NULL OR t.status = 'blocked' THEN r.depends_on ELSE t.depends_on END
    FROM jsonb_to_recordset(p_tasks)
        AS r(id text, description text, depends_on text[], files text[], work real, place integer)
    WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = r.id AND t.id = ANY (v_kept);
    -- What somebody is at waits for nothing any more, lest what is planned after it now be what it waited for once.
    UPDATE tasks t
    SET depends_on = ARRAY(
        SELECT o.id FROM unnest(t.depends_on) WITH ORDINALITY AS o(id, place)
        WHERE NOT EXISTS (SELECT FROM tasks d
                          WHERE d.workspace_id = p_workspace AND d.session_id = p_session AND d.id = o.id
                            AND d.status <> 'completed')
        ORDER BY o.place)
    WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.status IN ('started', 'in_progress')
      AND cardinality(t.depends_on) > 0;
    -- Whoever made the plan did not know who works on what: a task that somebody is at comes before all that share its
    -- files, as it was planned before or is planned now. It waits for nothing itself, so no circle can come of it. At
    -- one that is blocked nobody is, and it may be so for want of another task of the plan: it holds up nothing.
    WITH touched AS MATERIALIZED (
        SELECT DISTINCT t.id, t.status = 'pending' AS waits, coordination_path_key(f.path) AS key
        FROM tasks t
        LEFT JOIN jsonb_to_recordset(p_tasks) AS r(id text, files text[]) ON r.id = t.id
        CROSS JOIN LATERAL unnest(t.files || coalesce(r.files, '{}')) AS f(path)
        WHERE t.workspace_id = p_workspace AND t.session_id = p_session
          AND t.status IN ('pending', 'started', 'in_progress')),
    covered AS MATERIALIZED (
        SELECT k.id, k.waits, c.key FROM touched k CROSS JOIN LATERAL coordination_covering_keys(k.key) AS c(key)),
    awaited AS (
        SELECT p.id, array_agg(p.other ORDER BY p.other) AS others
        FROM (SELECT mine.id, other.id AS other
              FROM covered mine JOIN touched other ON other.key = mine.key WHERE mine.waits AND NOT other.waits
              UNION
              SELECT mine.id, other.id
              FROM touched mine JOIN covered other ON other.key = mine.key WHERE mine.waits AND NOT other.waits) p
        GROUP BY p.id)
    UPDATE tasks t
    SET depends_on = t.depends_on || ARRAY(SELECT o.id FROM unnest(a.others) AS o(id) WHERE o.id <> ALL (t.depends_on))
    FROM awaited a
    WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = a.id;
    v_tasks := coordination_planned_tasks(p_workspace, p_session, v_revision);
    INSERT INTO plans (workspace_id, session_id, revision, analysis_id, agent_count, agent_id, created_at, handed_out)
    VALUES (p_workspace, p_session, v_revision, p_analysis, p_agents, p_agent, v_now, v_tasks);
    PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'plan.distributed',
        jsonb_build_object('revision', v_revision, 'analysis_id', p_analysis, 'agent_count', p_agents,
            'task_count', cardinality(v_ids), 'kept', to_jsonb(v_kept), 'again', to_jsonb(v_again)),
        ARRAY(SELECT t.assigned_to FROM tasks t
              WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = ANY (v_ids)
                AND t.assigned_to IS NOT NULL
              UNION SELECT unnest(v_before)), v_now);
    RETURN jsonb_build_object('revision', v_revision, 'kept', to_jsonb(v_kept), 'tasks', v_tasks);
END
$function$;
