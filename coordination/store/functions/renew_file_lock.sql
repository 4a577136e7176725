-- Extend live leases of the caller: all that are named, or none. The fencing token stays; nothing is shortened.
-- A lease that expired stays lost even when nobody has taken the path since: {outcome: 'lost', lost, held}.
-- Rows are named by their keys once more than the join needs: without statistics the planner would read all leases of
-- the session and look each of them up in the array.
CREATE OR REPLACE FUNCTION coordination_renew_file_lock(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb,
    p_keys text[], p_tokens bigint[], p_ttl_seconds integer
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
    SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_now timestamptz;
    v_held file_locks[];
    v_lost text[];
    v_locks jsonb;
BEGIN
    SELECT e.entered_at INTO v_now
    FROM coordination_enter_session(p_workspace, p_session, p_agent, p_checkout, p_actor) e;
    SELECT o.held, o.lost INTO v_held, v_lost
    FROM coordination_own_locks(NULL::file_locks, p_workspace, p_session, p_agent, p_checkout, p_keys, p_tokens,
        v_now) o;
    IF cardinality(v_lost) > 0 THEN
        RETURN jsonb_build_object('outcome', 'lost', 'now', v_now, 'lost', v_lost,
            'held', (SELECT coalesce(jsonb_agg(h.file_path), '[]') FROM unnest(v_held) h));
    END IF;
    WITH renewed AS (
        UPDATE file_locks l
        SET expires_at = greatest(l.expires_at, v_now + make_interval(secs => p_ttl_seconds)), request_id = NULL
        FROM unnest(v_held) h
        WHERE l.workspace_id = p_workspace AND l.session_id = p_session
          AND l.path_key = ANY (ARRAY(SELECT k.path_key FROM unnest(v_held) k))
          AND l.path_key = h.path_key AND l.checkout = h.checkout AND l.slot = h.slot
        RETURNING l.*)
    SELECT coalesce(jsonb_agg(coordination_describe_lock(r, v_now)), '[]') INTO v_locks FROM renewed r;
    IF v_locks <> '[]' THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'lock.renewed',
            jsonb_build_object('checkout', p_checkout, 'locks', v_locks), '{}', v_now);
    END IF;
    RETURN jsonb_build_object('outcome', 'renewed', 'now', v_now, 'leases', v_locks);
END
$function$;
