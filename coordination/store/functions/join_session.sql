-- Make session and agent exist, and bind the agent's checkout to the session.
-- Called under the session's lock, at an agent's first call, whenever its checkout changes and after ten quiet minutes.
-- A checkout belongs to one session at a time: while another active session has an agent that was seen there within
-- ten minutes, or any other session (a closed one too) a live lease there, the join is refused with CO001 and nothing
-- is written.
-- An agent that is known keeps its role, which it may have taken (coordination_take_planner_role); one that is called
-- planner has that role, always.
-- p_actor: {user, name, role, client, checkout_root}.
CREATE OR REPLACE FUNCTION coordination_join_session(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb, p_now timestamptz
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_other text;
    v_active boolean;
    v_known boolean;
    v_role text;
BEGIN
    IF p_checkout <> '' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(p_checkout, hashtextextended(p_workspace, 20261122)));
        SELECT a.session_id, s.status = 'active' INTO v_other, v_active
        FROM claude_code_agents a
        JOIN claude_code_sessions s ON s.workspace_id = a.workspace_id AND s.id = a.session_id
        WHERE a.workspace_id = p_workspace AND a.checkout = p_checkout AND a.session_id <> p_session
          AND (s.status = 'active' AND a.status = 'connected' AND a.last_activity > p_now - interval '10 minutes'
               OR EXISTS (SELECT FROM file_locks l
                          WHERE l.workspace_id = p_workspace AND l.session_id = a.session_id
                            AND l.agent_id = a.id AND l.checkout = p_checkout AND l.expires_at > p_now))
        ORDER BY s.status = 'active' DESC, a.last_activity DESC
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'checkout belongs to another session' USING ERRCODE = 'CO001',
                DETAIL = jsonb_build_object('session', v_other, 'active', v_active)::text;
        END IF;
    END IF;

    INSERT INTO claude_code_sessions AS s (workspace_id, id, name, user_id)
    VALUES (p_workspace, p_session, p_session, p_actor->>'user')
    ON CONFLICT (workspace_id, id) DO NOTHING;
    IF FOUND THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'session.created', '{}', '{}', p_now);
    ELSE
        UPDATE claude_code_sessions s SET status = 'active'
        WHERE s.workspace_id = p_workspace AND s.id = p_session AND s.status IS DISTINCT FROM 'active';
        IF FOUND THEN
            PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'session.reopened', '{}', '{}', p_now);
        END IF;
    END IF;

    SELECT a.status = 'connected' INTO v_known
    FROM claude_code_agents a WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent;
    INSERT INTO claude_code_agents AS a
        (workspace_id, session_id, id, user_id, name, role, client, checkout, checkout_root, status, last_activity,
         news_seq)
    VALUES (p_workspace, p_session, p_agent, p_actor->>'user', p_actor->>'name', p_actor->>'role',
            p_actor->>'client', p_checkout, p_actor->>'checkout_root', 'connected', p_now,
            coalesce((SELECT max(e.seq) FROM coordination_events e
                      WHERE e.workspace_id = p_workspace AND e.session_id = p_session), 0))
    ON CONFLICT (workspace_id, session_id, id) DO UPDATE
        SET status = 'connected', client = excluded.client, last_activity = p_now,
            role = CASE WHEN excluded.role = 'planner' THEN excluded.role ELSE a.role END,
            checkout = CASE WHEN excluded.checkout = '' AND a.last_activity > p_now - interval '10 minutes'
                            THEN a.checkout ELSE excluded.checkout END,
            checkout_root = coalesce(excluded.checkout_root, a.checkout_root)
    RETURNING a.role INTO v_role;
    IF v_known IS NOT TRUE THEN
        PERFORM coordination_append_event(
            p_workspace, p_session, p_agent, 'agent.joined',
            jsonb_build_object('role', v_role, 'checkout', p_checkout), '{}', p_now);
    END IF;
END
$function$;
