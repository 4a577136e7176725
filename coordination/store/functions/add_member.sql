-- Let somebody be a member, who works with tokens alone. Returns false when that name is taken, by a member or by an
-- invitation that can still be accepted. Raises CO015 when p_by, with p_token, is no owner any
-- more, and CO016 when there are as many as there may be.
CREATE OR REPLACE FUNCTION coordination_add_member(
    p_workspace text, p_by text, p_token text, p_user text, p_role text
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    PERFORM coordination_require_standing(p_workspace, p_by, p_token, true);
    IF coordination_name_is_taken(p_workspace, p_user) THEN
        RETURN false;
    END IF;
    PERFORM coordination_require_room(p_workspace, 'members');
    INSERT INTO workspace_members (workspace_id, user_id, role, joined_at)
    VALUES (p_workspace, p_user, p_role, clock_timestamp());
    RETURN true;
END
$function$;
