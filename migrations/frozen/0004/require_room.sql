-- Refuse one more of what a workspace keeps a list of: p_what is 'tokens', with those that ended and are still kept, or
-- 'members', with those who are invited. Lists are answered whole, and whoever logs in has a workspace to fill. Call it
-- with the workspace locked. Raises CO016.
CREATE OR REPLACE FUNCTION coordination_require_room(p_workspace text, p_what text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_most integer := CASE p_what WHEN 'tokens' THEN 5000 ELSE 1000 END;
    v_there bigint;
BEGIN
    IF p_what = 'tokens' THEN
        SELECT count(*) INTO v_there FROM agent_tokens t WHERE t.workspace_id = p_workspace;
    ELSE
        SELECT (SELECT count(*) FROM workspace_members m WHERE m.workspace_id = p_workspace)
             + (SELECT count(*) FROM workspace_invitations i
                WHERE i.workspace_id = p_workspace AND i.expires_at > clock_timestamp())
        INTO v_there;
    END IF;
    IF v_there >= v_most THEN
        RAISE EXCEPTION 'no room' USING
            ERRCODE = 'CO016', DETAIL = jsonb_build_object('what', p_what, 'most', v_most)::text;
    END IF;
END
$function$;
