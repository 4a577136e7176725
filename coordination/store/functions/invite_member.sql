-- Keep an invitation, by the SHA-256 of its code. Returns what is known of it; null when the name is taken, by a member
-- or by another invitation that can still be accepted. Raises CO015 when p_by, with p_token, is no owner any more,
-- and CO016 when there are as many as there may be.
CREATE OR REPLACE FUNCTION coordination_invite_member(
    p_workspace text, p_by text, p_token text, p_id text, p_digest bytea, p_user text, p_role text,
    p_seconds double precision
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    PERFORM coordination_require_standing(p_workspace, p_by, p_token, true);
    v_now := clock_timestamp();
    IF coordination_name_is_taken(p_workspace, p_user) THEN
        RETURN NULL;
    END IF;
    DELETE FROM workspace_invitations i WHERE i.workspace_id = p_workspace AND i.expires_at <= v_now;
    PERFORM coordination_require_room(p_workspace, 'members');
    INSERT INTO workspace_invitations (workspace_id, id, digest, user_id, role, created_by, created_at, expires_at)
    VALUES (p_workspace, p_id, p_digest, p_user, p_role, p_by, v_now, v_now + make_interval(secs => p_seconds));
    RETURN jsonb_build_object('id', p_id, 'user', p_user, 'role', p_role, 'created_by', p_by, 'created_at', v_now,
                              'expires_at', v_now + make_interval(secs => p_seconds));
END
$function$;
