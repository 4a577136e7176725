-- Append one event to a session's log and return its number.
-- Numbers are dense (1, 2, 3 …) because the caller holds the session's lock until it commits; a reader that has
-- seen n therefore misses nothing by asking for what is greater than n. `p_concerns` names the agents whose next
-- sync must carry the event.
CREATE OR REPLACE FUNCTION coordination_append_event(
    p_workspace text, p_session text, p_agent text, p_kind text, p_payload jsonb, p_concerns text[], p_now timestamptz
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_seq bigint;
BEGIN
    SELECT e.seq INTO v_seq FROM coordination_events e
    WHERE e.workspace_id = p_workspace AND e.session_id = p_session
    ORDER BY e.seq DESC LIMIT 1;
    v_seq := coalesce(v_seq, 0) + 1;
    INSERT INTO coordination_events (workspace_id, session_id, seq, agent_id, kind, payload, concerns, created_at)
    VALUES (p_workspace, p_session, v_seq, p_agent, p_kind, p_payload, p_concerns, p_now);
    RETURN v_seq;
END
$function$;
