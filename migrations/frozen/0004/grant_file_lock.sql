-- Write a grant that has been decided: remove what expired, extend what the caller holds, insert the rest.
-- Called under the session's lock with every overlapping row in `p_found`. A lease the caller already holds keeps
-- its token and is never shortened, and no earlier request may give it back any more (cancel_wait); a read lease that becomes exclusive is a new grant with a new token.
-- Appends lock.expired (one per holder who lost), lock.claimed (new grants) and lock.renewed (extended ones).
-- Rows are named by their keys once more than the join needs: without statistics the planner would read all leases of
-- the session and look each of them up in the array.
CREATE OR REPLACE FUNCTION coordination_grant_file_lock(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_operation text, p_paths text[], p_keys text[],
    p_found anyarray, p_expires_at timestamptz, p_reason text, p_task text, p_request text,
    p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with:
-- @plpgsql_check_options: anyelementtype = public.file_locks
DECLARE
    v_task text := p_task;
    v_extended jsonb := '[]'::jsonb;
    v_granted jsonb;
    v_kept text[] := '{}'::text[];
    v_previous jsonb := '{}'::jsonb;
    v_warnings jsonb := '[]'::jsonb;
BEGIN
    IF v_task IS NULL THEN
        SELECT t.id INTO v_task FROM tasks t
        WHERE t.workspace_id = p_workspace AND t.session_id = p_session AND t.agent_id = p_agent
          AND t.status IN ('started', 'in_progress', 'blocked')
        ORDER BY t.taken_at DESC LIMIT 1;
    END IF;
    IF cardinality(p_found) > 0 THEN
        v_previous := coordination_remove_expired(p_workspace, p_session, p_found, p_now);
        v_warnings := coordination_locks_elsewhere(p_workspace, p_session, p_agent, p_checkout, p_operation, p_found,
            p_now);
        WITH extended AS (
            UPDATE file_locks l
            SET expires_at = greatest(l.expires_at, p_expires_at),
                operation = CASE WHEN p_operation = 'read' THEN l.operation ELSE p_operation END,
                reason = coalesce(p_reason, l.reason), task_id = coalesce(v_task, l.task_id), request_id = NULL
            FROM unnest(p_found) f
            WHERE f.agent_id = p_agent AND f.expires_at > p_now AND f.path_key = ANY (p_keys)
              AND f.checkout IN (p_checkout, '') AND (f.checkout = p_checkout OR f.path_key LIKE 'resource:%')
              AND (f.operation <> 'read' OR p_operation = 'read')
              AND l.workspace_id = p_workspace AND l.session_id = p_session
              AND l.path_key = ANY (p_keys)
              AND l.path_key = f.path_key AND l.checkout = f.checkout AND l.slot = f.slot
            RETURNING l.*)
        SELECT coalesce(jsonb_agg(coordination_describe_lock(e, p_now)), '[]'), coalesce(array_agg(e.path_key), '{}')
        INTO v_extended, v_kept FROM extended e;
        DELETE FROM file_locks l USING unnest(p_found) f
        WHERE p_operation <> 'read' AND f.agent_id = p_agent AND f.operation = 'read' AND f.expires_at > p_now
          AND f.path_key = ANY (p_keys) AND f.path_key <> ALL (v_kept)
          AND (f.checkout = p_checkout OR f.path_key LIKE 'resource:%')
          AND l.workspace_id = p_workspace AND l.session_id = p_session
          AND l.path_key = ANY (p_keys)
          AND l.path_key = f.path_key AND l.checkout = f.checkout AND l.slot = f.slot;
    END IF;

    WITH granted AS (
        INSERT INTO file_locks AS l (workspace_id, session_id, agent_id, file_path, path_key, checkout, slot, operation,
            fencing_token, granted_at, expires_at, reason, task_id, request_id, created_at)
        SELECT p_workspace, p_session, p_agent, w.path, w.key,
               CASE WHEN w.key LIKE 'resource:%' THEN '' ELSE p_checkout END,
               CASE WHEN p_operation = 'read' THEN p_agent ELSE '' END, p_operation,
               nextval('coordination_fencing_token'), p_now, p_expires_at, p_reason, v_task,
               p_request, p_now
        FROM unnest(p_paths, p_keys) AS w(path, key)
        WHERE w.key <> ALL (v_kept)
        RETURNING l.*)
    SELECT coalesce(jsonb_agg(coordination_describe_lock(g, p_now)), '[]') INTO v_granted FROM granted g;

    IF v_granted <> '[]' THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'lock.claimed',
            jsonb_build_object('operation', p_operation, 'checkout', p_checkout, 'task_id', v_task,
                               'locks', v_granted), '{}', p_now);
    END IF;
    IF v_extended <> '[]' THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'lock.renewed',
            jsonb_build_object('checkout', p_checkout, 'locks', v_extended), '{}', p_now);
    END IF;
    RETURN jsonb_build_object('outcome', 'granted', 'now', p_now, 'leases', v_extended || v_granted,
        'granted_tokens', coalesce((SELECT jsonb_agg(g->'fencing_token') FROM jsonb_array_elements(v_granted) g), '[]'),
        'previous_holders', v_previous, 'warnings', v_warnings);
END
$function$;
