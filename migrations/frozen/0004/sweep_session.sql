-- One step of removing what is past its time in a session: at most p_most events; when none is left, tasks and plans, or
-- all the rest of a session that is over. Returns {events, up_to, session, more}: how many went and up to which number,
-- whether the session went, and whether to call again, with up_to as p_after.
-- Null when somebody writes in the session at this moment: who claims never waits behind a queue of these. The lock is
-- held for one small step, and of two servers that sweep one finds it taken.
CREATE OR REPLACE FUNCTION coordination_sweep_session(
    p_workspace text, p_session text, p_after bigint, p_events_days integer, p_closed_days integer, p_most integer
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_over boolean;
    v_before timestamptz;
    v_gone integer;
    v_up_to bigint;
    v_checkout text;
BEGIN
    -- The key of coordination_lock_session, which then takes it once more and looks at the isolation level.
    IF NOT pg_try_advisory_xact_lock(hashtextextended(p_session, hashtextextended(p_workspace, 20261121))) THEN
        RETURN NULL;
    END IF;
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    v_over := coordination_session_is_over(p_workspace, p_session, p_closed_days, v_now);
    v_before := CASE WHEN v_over THEN 'infinity'
                     WHEN p_events_days > 0 THEN v_now - make_interval(days => p_events_days)
                     ELSE '-infinity' END;
    SELECT r.gone, r.up_to INTO v_gone, v_up_to
    FROM coordination_remove_events(p_workspace, p_session, p_after, v_before, p_most) r;
    IF v_gone > 0 THEN
        RETURN jsonb_build_object('events', v_gone, 'up_to', v_up_to, 'session', false, 'more', true);
    END IF;
    IF NOT v_over THEN
        PERFORM coordination_remove_past_tasks(p_workspace, p_session, v_before, p_most);
        RETURN jsonb_build_object('events', 0, 'up_to', p_after, 'session', false, 'more', false);
    END IF;
    -- Whoever refreshes an index of it holds this row; then it is not over after all, or will be next time.
    PERFORM FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT i.checkout INTO v_checkout FROM file_indexes i
    WHERE i.workspace_id = p_workspace AND i.session_id = p_session LIMIT 1;
    IF FOUND THEN
        DELETE FROM file_indexes i
        WHERE i.workspace_id = p_workspace AND i.session_id = p_session AND i.checkout = v_checkout;
        DELETE FROM indexed_files f
        WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.checkout = v_checkout;
        RETURN jsonb_build_object('events', 0, 'up_to', p_after, 'session', false, 'more', true);
    END IF;
    DELETE FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session;
    RETURN jsonb_build_object('events', 0, 'up_to', p_after, 'session', true, 'more', false);
END
$function$;
