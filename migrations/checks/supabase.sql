-- What stands in for Supabase where policies are read off or tried: the roles of its API, once for a server, and in this
-- database who is logged in. Never run on a project: it has all of this.
DO $do$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticated') THEN
        CREATE ROLE anon NOLOGIN;
        CREATE ROLE authenticated NOLOGIN;
    END IF;
END
$do$;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS $function$
    SELECT (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$function$;
