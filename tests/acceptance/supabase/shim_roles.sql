-- What a Supabase project has before anything of ours is in it, as far as SQL can stand in for it: roles, the schemas
-- auth, storage and realtime, and the privileges that projects made before 2026-10-30 grant by default in public.
-- Run by supabase_admin, the superuser; `postgres` is the role that people and migrations get, and none.
CREATE ROLE postgres LOGIN CREATEROLE CREATEDB BYPASSRLS REPLICATION PASSWORD 'loopback';
CREATE ROLE anon NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD 'loopback';
CREATE ROLE supabase_auth_admin NOLOGIN NOINHERIT CREATEROLE;
CREATE ROLE supabase_storage_admin NOLOGIN NOINHERIT CREATEROLE;
CREATE ROLE supabase_realtime_admin NOLOGIN NOINHERIT;
GRANT anon, authenticated, service_role TO authenticator;
GRANT anon, authenticated, service_role TO postgres WITH ADMIN OPTION;
ALTER ROLE postgres SET search_path TO "$user", public, extensions;
-- On the platform an extension lets `postgres` make policies on these tables.
GRANT supabase_realtime_admin TO postgres;
