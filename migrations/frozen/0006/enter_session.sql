-- Begin a decision: take the session's lock, read the clock, see to it that session and agent exist.
-- Every function that writes session rows or events calls this first. The lock comes before everything else, so
-- that each later statement reads what the previous holder committed; under any isolation level but READ
-- COMMITTED that would not hold, hence the refusal. The clock is read once, after the lock.
-- Returns the database's time and whether other checkouts' leases block in this session.
-- Raises CO001 (through coordination_join_session) when the checkout belongs to another session, and CO018 for what began
-- earlier (p_actor.goes_on), such as a claim that waits, when the agent has left meanwhile: it does not come back by it.
CREATE OR REPLACE FUNCTION coordination_enter_session(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb,
    OUT entered_at timestamptz, OUT blocks_across boolean
) LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_checkout text;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    entered_at := clock_timestamp();
    SELECT s.across_checkouts = 'block' INTO blocks_across
    FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session AND s.status = 'active';
    IF FOUND THEN
        SELECT a.checkout INTO v_checkout
        FROM claude_code_agents a
        WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent AND a.status = 'connected'
          -- After a longer silence its checkout may be another session's by now, so it joins again.
          AND a.last_activity > entered_at - interval '10 minutes';
        IF FOUND AND (p_checkout = '' OR v_checkout = p_checkout) THEN
            RETURN;
        END IF;
    END IF;
    IF (p_actor->>'goes_on')::boolean AND EXISTS (
        SELECT FROM claude_code_agents a
        WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent AND a.status = 'left') THEN
        RAISE EXCEPTION 'the agent has left' USING ERRCODE = 'CO018',
            DETAIL = jsonb_build_object('agent_id', p_agent)::text;
    END IF;
    PERFORM coordination_join_session(p_workspace, p_session, p_agent, p_checkout, p_actor, entered_at);
    SELECT s.across_checkouts = 'block' INTO STRICT blocks_across
    FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session;
END
$function$;
