-- Trigger: a deleted session takes everything of it along. It stands in for foreign keys, whose checks would cost
-- every claim a row lock on its session, and which would keep the deployment guide's DROP statements from working.
CREATE OR REPLACE FUNCTION coordination_delete_session_rows() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    DELETE FROM file_lock_waiters w WHERE w.workspace_id = old.workspace_id AND w.session_id = old.id;
    DELETE FROM file_locks l WHERE l.workspace_id = old.workspace_id AND l.session_id = old.id;
    DELETE FROM task_progress p WHERE p.workspace_id = old.workspace_id AND p.session_id = old.id;
    DELETE FROM tasks t WHERE t.workspace_id = old.workspace_id AND t.session_id = old.id;
    DELETE FROM claude_code_agents a WHERE a.workspace_id = old.workspace_id AND a.session_id = old.id;
    -- First what a batch of a refresh locks: after it has ended, its files are seen and go too.
    DELETE FROM file_indexes i WHERE i.workspace_id = old.workspace_id AND i.session_id = old.id;
    DELETE FROM indexed_files f WHERE f.workspace_id = old.workspace_id AND f.session_id = old.id;
    DELETE FROM coordination_events e WHERE e.workspace_id = old.workspace_id AND e.session_id = old.id;
    RETURN old;
END
$function$;
