-- Close or open a session, or choose whether leases of other checkouts block in it. Null keeps a value.
-- Raises CO006 when blocking is wanted while live leases of different checkouts overlap, CO007 when there is no
-- such session.
CREATE OR REPLACE FUNCTION coordination_configure_session(
    p_workspace text, p_session text, p_by text, p_status text, p_across_checkouts text
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_overlap record;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    IF p_across_checkouts = 'block' THEN
        SELECT a.file_path AS path, a.agent_id AS holder, b.agent_id AS other INTO v_overlap
        FROM file_locks a
        JOIN file_locks b ON b.workspace_id = a.workspace_id AND b.session_id = a.session_id
         AND b.checkout > a.checkout AND b.agent_id <> a.agent_id AND b.expires_at > v_now
         AND (b.operation <> 'read' OR a.operation <> 'read')
         AND coordination_keys_overlap(a.path_key, b.path_key)
        WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.expires_at > v_now
        ORDER BY a.path_key LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'leases overlap across checkouts' USING ERRCODE = 'CO006',
                DETAIL = to_jsonb(v_overlap)::text;
        END IF;
    END IF;
    UPDATE claude_code_sessions s
    SET status = coalesce(p_status, s.status), across_checkouts = coalesce(p_across_checkouts, s.across_checkouts)
    WHERE s.workspace_id = p_workspace AND s.id = p_session;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such session' USING ERRCODE = 'CO007';
    END IF;
    IF p_status = 'closed' THEN
        -- Whoever calls again joins again, so that its checkout is compared with what other sessions have by then.
        UPDATE claude_code_agents a SET status = 'disconnected'
        WHERE a.workspace_id = p_workspace AND a.session_id = p_session;
    END IF;
    PERFORM coordination_append_event(p_workspace, p_session, p_by,
        CASE WHEN p_status = 'closed' THEN 'session.closed' ELSE 'session.configured' END,
        jsonb_strip_nulls(jsonb_build_object('status', p_status, 'across_checkouts', p_across_checkouts)), '{}', v_now);
    RETURN (SELECT jsonb_build_object('session', s.id, 'status', s.status, 'across_checkouts', s.across_checkouts)
            FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session);
END
$function$;
