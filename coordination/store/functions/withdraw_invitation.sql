-- Let an invitation be accepted no more. Returns whether there was one.
CREATE OR REPLACE FUNCTION coordination_withdraw_invitation(p_workspace text, p_id text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    DELETE FROM workspace_invitations i
    WHERE i.workspace_id = p_workspace AND i.id = p_id AND i.expires_at > clock_timestamp();
    RETURN FOUND;
END
$function$;
