-- Use an invitation up, by the SHA-256 of its code: whoever has the code becomes a member. A person is known by
-- p_subject from then on; whoever comes without gets the token p_token_id, which is kept by its digest. Returns the
-- workspace, name and role; null when no such invitation can be accepted. Raises CO014 when the person is a member.
CREATE OR REPLACE FUNCTION coordination_accept_invitation(
    p_digest bytea, p_subject uuid, p_token_id text, p_token_digest bytea
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_invitation workspace_invitations;
    v_scopes text[];
BEGIN
    SELECT i.* INTO v_invitation FROM workspace_invitations i WHERE i.digest = p_digest;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM coordination_lock_workspace(v_invitation.workspace_id);
    v_now := clock_timestamp();
    DELETE FROM workspace_invitations i
    WHERE i.workspace_id = v_invitation.workspace_id AND i.id = v_invitation.id AND i.expires_at > v_now;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM workspace_members m
               WHERE m.workspace_id = v_invitation.workspace_id AND m.subject = p_subject) THEN
        RAISE EXCEPTION 'a member already' USING ERRCODE = 'CO014', DETAIL = '{}';
    END IF;
    INSERT INTO workspace_members (workspace_id, user_id, role, subject, joined_at)
    VALUES (v_invitation.workspace_id, v_invitation.user_id, v_invitation.role, p_subject, v_now);
    IF p_subject IS NULL THEN
        v_scopes := CASE v_invitation.role WHEN 'viewer' THEN ARRAY['read', 'manage']
                                           ELSE ARRAY['read', 'write', 'manage'] END;
        PERFORM coordination_create_token(v_invitation.workspace_id, v_invitation.user_id, NULL, p_token_id,
                                          p_token_digest, v_invitation.user_id, NULL, NULL, NULL, v_scopes, 'invitation', NULL);
    END IF;
    RETURN jsonb_build_object('workspace', v_invitation.workspace_id, 'user', v_invitation.user_id,
                              'role', v_invitation.role);
END
$function$;
