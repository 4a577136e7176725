-- Delete the expired rows among `p_found` and record who lost what, one lock.expired per holder.
-- Returns {path key: last holder} so that a grant can say whose lease it follows.
-- Rows are named by their keys once more than the join needs: without statistics the planner would read all leases of
-- the session and look each of them up in the array.
CREATE OR REPLACE FUNCTION coordination_remove_expired(
    p_workspace text, p_session text, p_found anyarray, p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with:
-- @plpgsql_check_options: anyelementtype = public.file_locks
DECLARE
    v_keys text[] := ARRAY(SELECT f.path_key FROM unnest(p_found) f WHERE f.expires_at <= p_now);
    v_gone file_locks[];
BEGIN
    IF v_keys = '{}' THEN
        RETURN '{}'::jsonb;
    END IF;
    WITH gone AS (
        DELETE FROM file_locks l USING unnest(p_found) f
        WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.path_key = ANY (v_keys)
          AND l.path_key = f.path_key AND l.checkout = f.checkout AND l.slot = f.slot AND f.expires_at <= p_now
        RETURNING l)
    SELECT array_agg(g.l) INTO v_gone FROM gone g;
    IF v_gone IS NULL THEN
        RETURN '{}'::jsonb;
    END IF;
    PERFORM coordination_append_event(p_workspace, p_session, lost.agent_id, 'lock.expired',
        jsonb_build_object('locks', lost.locks), ARRAY[lost.agent_id], p_now)
    FROM (SELECT g.agent_id::text AS agent_id, jsonb_agg(coordination_describe_lock(g, p_now)) AS locks
          FROM unnest(v_gone) g GROUP BY g.agent_id ORDER BY g.agent_id) lost;
    RETURN (SELECT jsonb_object_agg(g.path_key, g.agent_id ORDER BY g.expires_at) FROM unnest(v_gone) g);
END
$function$;
