-- Enter the queue, or refresh the place that `p_ticket` names. Returns the ticket.
-- A new place is refused with CO002 when one of those the caller would wait for waits, directly or through others,
-- for the caller: nobody in that circle could ever go on. A caller whose place died (its server was stopped for
-- over three seconds) begins anew at the end, because others may have passed it in good faith.
-- An agent has at most 20 live places, or one that runs wild would fill the queue: CO020.
CREATE OR REPLACE FUNCTION coordination_take_place(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_operation text,
    p_paths text[], p_keys text[], p_probe text[], p_range_low text[], p_range_high text[],
    p_ticket bigint, p_blockers text[], p_park boolean, p_request text, p_blocks_across boolean, p_now timestamptz
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_way text[];
    v_ticket bigint := p_ticket;
    v_parked_until timestamptz := CASE WHEN p_park THEN p_now + interval '120 seconds' END;
BEGIN
    IF v_ticket IS NOT NULL THEN
        UPDATE file_lock_waiters w
        SET refreshed_at = p_now, parked_until = v_parked_until,
            request_ids = array_remove(w.request_ids, p_request)
                || CASE WHEN p_park THEN '{}' ELSE ARRAY[p_request] END
        WHERE w.ticket = v_ticket;
        RETURN v_ticket;
    END IF;
    PERFORM coordination_leave_queue(p_workspace, p_session, w.ticket, 'died', p_now)
    FROM file_lock_waiters w
    WHERE w.workspace_id = p_workspace AND w.session_id = p_session AND w.agent_id = p_agent
      AND w.checkout = p_checkout AND w.operation = p_operation AND w.path_keys = p_keys;
    IF (SELECT count(*) FROM coordination_live_waiters(p_workspace, p_session, p_now) w WHERE w.agent_id = p_agent) >= 20
    THEN
        RAISE EXCEPTION 'the agent waits for too much' USING ERRCODE = 'CO020',
            DETAIL = jsonb_build_object('most', 20)::text;
    END IF;
    v_way := coordination_waiting_path(p_workspace, p_session, p_blockers, p_agent, p_blocks_across, p_now);
    IF v_way IS NOT NULL THEN
        RAISE EXCEPTION 'waiting would close a circle' USING ERRCODE = 'CO002',
            DETAIL = jsonb_build_object('cycle', to_jsonb(p_agent || v_way))::text;
    END IF;
    INSERT INTO file_lock_waiters (workspace_id, session_id, agent_id, checkout, operation, paths, path_keys, probe,
        range_low, range_high, queued_at, refreshed_at, parked_until, request_ids)
    VALUES (p_workspace, p_session, p_agent, p_checkout, p_operation, p_paths, p_keys, p_probe,
        p_range_low, p_range_high, p_now, p_now, v_parked_until,
        CASE WHEN p_park THEN '{}' ELSE ARRAY[p_request] END)
    RETURNING ticket INTO v_ticket;
    PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'waiter.joined',
        jsonb_build_object('ticket', v_ticket, 'operation', p_operation, 'checkout', p_checkout,
                           'paths', to_jsonb(p_paths)), '{}', p_now);
    RETURN v_ticket;
END
$function$;
