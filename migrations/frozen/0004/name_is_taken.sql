-- Whether a member has a name, or somebody who is invited under it.
CREATE OR REPLACE FUNCTION coordination_name_is_taken(p_workspace text, p_user text) RETURNS boolean
LANGUAGE sql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
    SELECT EXISTS (SELECT FROM workspace_members m WHERE m.workspace_id = p_workspace AND m.user_id = p_user)
        OR EXISTS (SELECT FROM workspace_invitations i
                   WHERE i.workspace_id = p_workspace AND i.user_id = p_user AND i.expires_at > clock_timestamp())
$function$;
