-- Give a member another role; a null role takes the membership away, and revokes the member's tokens. A member who may
-- only look keeps no token that writes, and who is no owner any more invites nobody: whoever made an invitation has its
-- code. Returns null when there is no such member, else the number of tokens that were revoked. Raises CO013 when the
-- workspace would be left without an owner, or a personal one without its person, and CO015 when p_by, with p_token,
-- may not do that any more.
CREATE OR REPLACE FUNCTION coordination_change_member(
    p_workspace text, p_by text, p_token text, p_user text, p_role text
) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_revoked integer := 0;
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    PERFORM coordination_require_standing(p_workspace, p_by, p_token, p_role IS NOT NULL OR p_by <> p_user);
    PERFORM FROM workspace_members m WHERE m.workspace_id = p_workspace AND m.user_id = p_user;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF p_role IS DISTINCT FROM 'owner' AND NOT EXISTS (
        SELECT FROM workspace_members m
        WHERE m.workspace_id = p_workspace AND m.role = 'owner' AND m.user_id <> p_user
    ) THEN
        RAISE EXCEPTION 'the last owner' USING ERRCODE = 'CO013', DETAIL = jsonb_build_object('user', p_user)::text;
    END IF;
    IF p_role IS DISTINCT FROM 'owner' AND EXISTS (
        SELECT FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id AND w.personal_of = m.subject
        WHERE m.workspace_id = p_workspace AND m.user_id = p_user
    ) THEN
        RAISE EXCEPTION 'a workspace of one''s own' USING
            ERRCODE = 'CO013', DETAIL = jsonb_build_object('user', p_user, 'personal', true)::text;
    END IF;
    IF p_role IS NULL THEN
        DELETE FROM workspace_members m WHERE m.workspace_id = p_workspace AND m.user_id = p_user;
    ELSE
        UPDATE workspace_members m SET role = p_role WHERE m.workspace_id = p_workspace AND m.user_id = p_user;
    END IF;
    IF p_role IS DISTINCT FROM 'owner' THEN
        DELETE FROM workspace_invitations i WHERE i.workspace_id = p_workspace AND i.created_by = p_user;
    END IF;
    IF p_role IS NULL OR p_role = 'viewer' THEN
        UPDATE agent_tokens t SET revoked_at = clock_timestamp()
        WHERE t.workspace_id = p_workspace AND t.user_id = p_user AND t.revoked_at IS NULL
          AND (p_role IS NULL OR 'write' = ANY (t.scopes));
        GET DIAGNOSTICS v_revoked = ROW_COUNT;
    END IF;
    RETURN v_revoked;
END
$function$;
