-- Claim several paths at once: all of them or none.
-- Under the session's lock it reads every overlapping lease and every earlier live waiter, decides, and only when
-- it grants takes fencing tokens, writes leases and appends events. Arrays p_paths and p_keys run in parallel and
-- are sorted by key; p_probe holds the keys and all their ancestors; p_range_low/high the byte ranges below them.
-- p_wait: 'no' answers at once; 'wait' enters or refreshes the caller's place in the queue; 'park' is a waiter's
-- last look before its call ends: the place is kept for 120 seconds. p_request names the call, for cancel_wait.
-- Plans are made once, for any path, and use the indexes: left to itself the planner plans each call anew, because it
-- guesses arrays to be long, which took half of a claim's time; and a plan made while the table was empty would scan it.
-- Answers {outcome: 'granted', locks, warnings} or {outcome: 'held', conflicts, …}.
-- Raises CO001 (checkout belongs to another session) and CO002 (waiting would close a circle, which is named).
CREATE OR REPLACE FUNCTION coordination_claim_file_lock(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb,
    p_operation text, p_paths text[], p_keys text[], p_probe text[], p_range_low text[], p_range_high text[],
    p_ttl_seconds integer, p_reason text, p_task text, p_wait text, p_request text
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
    SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $function$
DECLARE
    v_now timestamptz;
    v_across boolean;
    v_found file_locks[];
    v_holders text[] := '{}'::text[];
    v_ahead text[] := '{}'::text[];
    v_ticket bigint;
BEGIN
    SELECT e.entered_at, e.blocks_across INTO v_now, v_across
    FROM coordination_enter_session(p_workspace, p_session, p_agent, p_checkout, p_actor) e;

    v_found := ARRAY(
        SELECT o FROM coordination_overlapping_locks(NULL::file_locks, p_workspace, p_session, p_probe, p_range_low,
            p_range_high) o);
    IF cardinality(v_found) > 0 THEN
        v_holders := ARRAY(
            SELECT DISTINCT f.agent_id::text FROM unnest(v_found) f
            WHERE f.expires_at > v_now AND f.agent_id <> p_agent
              AND (p_operation <> 'read' OR f.operation <> 'read')
              AND (v_across OR f.checkout = p_checkout OR f.checkout = '' OR p_checkout = ''));
    END IF;
    IF EXISTS (SELECT FROM file_lock_waiters w WHERE w.workspace_id = p_workspace AND w.session_id = p_session) THEN
        SELECT q.ticket, q.ahead INTO v_ticket, v_ahead
        FROM coordination_agents_ahead(p_workspace, p_session, p_agent, p_checkout, p_operation, p_keys, p_probe,
            v_across, v_now) q;
    END IF;

    IF cardinality(v_holders) = 0 AND cardinality(v_ahead) = 0 THEN
        IF v_ticket IS NOT NULL THEN
            PERFORM coordination_leave_queue(p_workspace, p_session, v_ticket, 'granted', v_now);
        END IF;
        RETURN coordination_grant_file_lock(p_workspace, p_session, p_agent, p_checkout, p_operation, p_paths, p_keys,
            v_found, v_now + make_interval(secs => p_ttl_seconds), p_reason, p_task, p_request, v_now);
    END IF;
    IF p_wait <> 'no' THEN
        v_ticket := coordination_take_place(p_workspace, p_session, p_agent, p_checkout, p_operation, p_paths, p_keys,
            p_probe, p_range_low, p_range_high, v_ticket, v_holders || v_ahead, p_wait = 'park', p_request, v_across, v_now);
    END IF;
    RETURN coordination_describe_conflict(p_workspace, p_session, p_agent, p_checkout, p_operation, p_paths, p_keys,
        p_probe, v_found, v_holders, v_ahead, v_ticket, v_across, v_now);
END
$function$;
