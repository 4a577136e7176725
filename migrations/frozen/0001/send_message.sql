-- Record a message for the named agents (by id `user/name` or by name; null means everybody else in the session).
-- Raises CO004 with the unknown names and the known agents when a recipient does not exist.
CREATE OR REPLACE FUNCTION coordination_send_message(
    p_workspace text, p_session text, p_from text, p_text text, p_to text[], p_now timestamptz
) RETURNS text[]
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_known text[];
    v_to text[];
    v_unknown text[];
BEGIN
    SELECT coalesce(array_agg(a.id::text ORDER BY a.last_activity DESC), '{}'),
           coalesce(array_agg(a.id::text ORDER BY a.id)
               FILTER (WHERE CASE WHEN p_to IS NULL THEN a.id <> p_from
                                  ELSE a.id = ANY (p_to) OR a.name = ANY (p_to) END), '{}')
    INTO v_known, v_to
    FROM claude_code_agents a WHERE a.workspace_id = p_workspace AND a.session_id = p_session;
    v_unknown := ARRAY(SELECT t FROM unnest(p_to) t
                       WHERE NOT EXISTS (SELECT FROM unnest(v_to) k WHERE k = t OR split_part(k, '/', 2) = t));
    IF cardinality(v_unknown) > 0 THEN
        RAISE EXCEPTION 'unknown recipient' USING ERRCODE = 'CO004',
            DETAIL = jsonb_build_object('unknown', v_unknown, 'known', v_known[1:20])::text;
    END IF;
    PERFORM coordination_append_event(p_workspace, p_session, p_from, 'message.sent',
        jsonb_build_object('text', p_text, 'to', v_to), v_to, p_now);
    RETURN v_to;
END
$function$;
