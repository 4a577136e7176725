-- Give back live leases of the caller: all that are named, or none. With p_keys null everything, and the caller's
-- places in the queue too; otherwise the places whose paths are all named. A path that is only awaited is no lost
-- lease: releasing it leaves the queue.
CREATE OR REPLACE FUNCTION coordination_release_file_lock(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb, p_keys text[], p_tokens bigint[]
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
    SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_now timestamptz;
    v_held file_locks[];
    v_lost text[];
BEGIN
    SELECT e.entered_at INTO v_now
    FROM coordination_enter_session(p_workspace, p_session, p_agent, p_checkout, p_actor) e;
    SELECT o.held, o.lost INTO v_held, v_lost
    FROM coordination_own_locks(NULL::file_locks, p_workspace, p_session, p_agent, p_checkout, p_keys, p_tokens,
        v_now) o;
    IF cardinality(v_lost) > 0 AND p_tokens IS NULL THEN
        v_lost := ARRAY(
            SELECT k FROM unnest(v_lost) k
            WHERE NOT EXISTS (SELECT FROM file_lock_waiters w
                              WHERE w.workspace_id = p_workspace AND w.session_id = p_session AND w.agent_id = p_agent
                                AND w.path_keys <@ p_keys AND k = ANY (w.path_keys)));
    END IF;
    IF cardinality(v_lost) > 0 THEN
        RETURN jsonb_build_object('outcome', 'lost', 'now', v_now, 'lost', v_lost,
            'held', (SELECT coalesce(jsonb_agg(h.file_path), '[]') FROM unnest(v_held) h));
    END IF;
    PERFORM coordination_leave_queue(p_workspace, p_session, w.ticket, 'released', v_now)
    FROM file_lock_waiters w
    WHERE w.workspace_id = p_workspace AND w.session_id = p_session AND w.agent_id = p_agent
      AND (p_keys IS NULL OR w.path_keys <@ p_keys);
    RETURN jsonb_build_object('outcome', 'released', 'now', v_now,
        'leases', coordination_drop_locks(p_workspace, p_session, p_agent, v_held, 'lock.released', '{}', v_now));
END
$function$;
