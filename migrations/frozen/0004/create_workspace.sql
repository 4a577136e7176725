-- Make a workspace with its owner, who is a person; p_personal makes it that person's own, of which there is one.
-- Returns whether it was made. Raises CO016 when the person has as many as anybody may; who makes several at once may
-- get a few more.
CREATE OR REPLACE FUNCTION coordination_create_workspace(
    p_workspace text, p_name text, p_user text, p_subject uuid, p_personal boolean
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_most constant integer := 100;
    v_now timestamptz;
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    v_now := clock_timestamp();
    IF NOT p_personal AND (SELECT count(*) FROM workspace_members m
                           WHERE m.subject = p_subject AND m.role = 'owner') >= v_most THEN
        RAISE EXCEPTION 'no room' USING
            ERRCODE = 'CO016', DETAIL = jsonb_build_object('what', 'workspaces', 'most', v_most)::text;
    END IF;
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
