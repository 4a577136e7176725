-- Make a workspace with its owner, who is a person; p_personal makes it that person's own, of which there is one.
-- Returns whether it was made.
CREATE OR REPLACE FUNCTION coordination_create_workspace(
    p_workspace text, p_name text, p_user text, p_subject uuid, p_personal boolean
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    v_now := clock_timestamp();
    INSERT INTO workspaces (id, name, personal_of, created_at)
    VALUES (p_workspace, p_name, CASE WHEN p_personal THEN p_subject END, v_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO workspace_members (workspace_id, user_id, role, subject, joined_at)
    VALUES (p_workspace, p_user, 'owner', p_subject, v_now);
    RETURN true;
END
$function$;
