-- Join a session under a name that no other live terminal has, or be refused with CO017, which says since when the agent
-- of that name was last heard of; then nothing is written. Two that ask at once wait for the session's lock, and the
-- second one finds the first.
-- A name is free when nobody came by it, when its agent left, or was not heard of for two minutes and holds no lease: who
-- took such a name over would hold what another terminal may still write to. And it is free for the place that it was
-- last heard of from: p_place, '{checkout}|{terminal}', or '' when the caller does not say where it is. The place is
-- written here and not with the next presence, which would come too late for whoever asks meanwhile.
CREATE OR REPLACE FUNCTION coordination_join_if_free(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb, p_place text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_agent record;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    -- The row is not locked before the checkout is (coordination_join_session); two sessions could wait in a circle then.
    SELECT a.last_activity AS last_heard_of, a.terminals INTO v_agent FROM claude_code_agents a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent AND a.status = 'connected';
    IF FOUND AND NOT v_agent.terminals ? p_place
       AND (v_agent.last_heard_of > v_now - interval '2 minutes'
            OR EXISTS (SELECT FROM file_locks l
                       WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
                         AND l.expires_at > v_now)) THEN
        RAISE EXCEPTION 'the name is taken' USING ERRCODE = 'CO017',
            DETAIL = jsonb_build_object('agent_id', p_agent, 'session', p_session, 'seconds',
                ceil(greatest(extract(epoch FROM v_now - v_agent.last_heard_of), 0)))::text;
    END IF;
    PERFORM coordination_enter_session(p_workspace, p_session, p_agent, p_checkout, p_actor);
    UPDATE claude_code_agents a
    SET last_activity = greatest(a.last_activity, v_now),
        terminals = (SELECT coalesce(jsonb_object_agg(t.key, t.value), '{}') FROM jsonb_each(a.terminals) t
                     WHERE t.value::text::double precision > extract(epoch FROM v_now) - 120)
            || CASE WHEN p_place = '' THEN '{}'
                    ELSE jsonb_build_object(p_place, extract(epoch FROM v_now)::double precision) END
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent;
    RETURN true;
END
$function$;
