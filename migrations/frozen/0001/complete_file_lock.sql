-- Trigger: a lock that a plain INSERT of the deployment guide's columns wrote gets its conflict key, so that claims meet
-- it. Such a row asks nobody before: the table's primary key alone keeps it from a path that is locked already.
CREATE OR REPLACE FUNCTION coordination_complete_file_lock() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    new.path_key := coordination_path_key(new.file_path);
    RETURN new;
END
$function$;
