-- Database roles with least privilege: access that is not granted here is denied. See roles.md.
--
-- Run it as a superuser on the database, after `deals migrate` and again after each version that migrates:
--     psql --set ON_ERROR_STOP=1 --single-transaction --file docs/roles.sql "$ADMIN_URL"
-- It is idempotent, and revokes privileges that it does not grant. It sets no passwords: set one for each role that logs in
-- over a network (\password deals_app).

SET client_min_messages = warning;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['deals_owner', 'deals_migrate', 'deals_app', 'deals_read', 'deals_keys'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
END
$$;

-- Owns the schema.
ALTER ROLE deals_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- Migrations and imports, with the privileges of the owner.
ALTER ROLE deals_migrate LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10;
GRANT deals_owner TO deals_migrate;
ALTER ROLE deals_migrate SET role = 'deals_owner';
ALTER ROLE deals_migrate SET lock_timeout = '5s';

-- The service. It may use all connections of the server but seven, which remain for the other roles.
ALTER ROLE deals_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
DO $$
BEGIN
    EXECUTE format(
        'ALTER ROLE deals_app CONNECTION LIMIT %s',
        greatest(
            1,
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                - coalesce(current_setting('reserved_connections', true)::int, 0) - 7
        )
    );
END
$$;
ALTER ROLE deals_app SET idle_in_transaction_session_timeout = '60s';

-- Ad-hoc queries, reports and `deals verify`.
ALTER ROLE deals_read LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 5;
ALTER ROLE deals_read SET default_transaction_read_only = on;
ALTER ROLE deals_read SET statement_timeout = '30s';
ALTER ROLE deals_read SET idle_in_transaction_session_timeout = '60s';

-- `deals keys`.
ALTER ROLE deals_keys LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 5;
ALTER ROLE deals_keys SET statement_timeout = '10s';
ALTER ROLE deals_keys SET idle_in_transaction_session_timeout = '60s';

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO deals_migrate, deals_app, deals_read, deals_keys', current_database()
    );
    -- For the staging tables of an import.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO deals_owner', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC, deals_migrate, deals_app, deals_read, deals_keys;
GRANT USAGE, CREATE ON SCHEMA public TO deals_owner;
GRANT USAGE ON SCHEMA public TO deals_app, deals_read, deals_keys;

-- Transfer all objects in the schema to the owner, including the trigger functions, which run with its privileges.
DO $$
DECLARE
    object record;
BEGIN
    FOR object IN
        SELECT oid::regclass AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO deals_owner', object.name);
    END LOOP;
    FOR object IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO deals_owner', object.name);
    END LOOP;
END
$$;

-- Large objects belong to no schema: without this, every role could fill the disk with them.
DO $$
DECLARE
    function record;
BEGIN
    FOR function IN
        SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(lo_.+|loread|lowrite)$'
    LOOP
        EXECUTE format(
            'REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, deals_owner, deals_migrate, deals_app, deals_read, deals_keys',
            function.name
        );
    END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, deals_migrate, deals_app, deals_read, deals_keys;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, deals_migrate, deals_app, deals_read, deals_keys;
REVOKE ALL ON ALL ROUTINES IN SCHEMA public FROM PUBLIC, deals_migrate, deals_app, deals_read, deals_keys;

-- Tables that do not exist yet are skipped.
DO $$
DECLARE
    grants record;
BEGIN
    FOR grants IN
        SELECT * FROM (VALUES
            ('deals_app', 'SELECT, INSERT, UPDATE, DELETE', 'hotels'),
            ('deals_app', 'SELECT, INSERT, UPDATE, DELETE', 'deals'),
            ('deals_app', 'SELECT, INSERT, UPDATE, DELETE', 'categories'),
            ('deals_app', 'SELECT, INSERT, UPDATE, DELETE', 'deal_categories'),
            ('deals_app', 'SELECT, INSERT, UPDATE, DELETE', 'idempotency_keys'),
            -- Written by triggers.
            ('deals_app', 'SELECT', 'deal_rollup'),
            ('deals_app', 'SELECT', 'category_rollup'),
            ('deals_app', 'SELECT', 'api_keys'),
            ('deals_app', 'SELECT', 'signing_keys'),
            ('deals_app', 'SELECT', 'alembic_version'),
            ('deals_read', 'SELECT', 'hotels'),
            ('deals_read', 'SELECT', 'deals'),
            ('deals_read', 'SELECT', 'categories'),
            ('deals_read', 'SELECT', 'deal_categories'),
            ('deals_read', 'SELECT', 'deal_rollup'),
            ('deals_read', 'SELECT', 'category_rollup'),
            -- For `deals verify`.
            ('deals_read', 'SELECT', 'alembic_version'),
            -- Keys can be created and revoked, not deleted or changed; only the service reads the digests.
            ('deals_keys', 'SELECT (public_id, name, scopes, created_at, expires_at, revoked_at)', 'api_keys'),
            ('deals_keys', 'INSERT, UPDATE (revoked_at)', 'api_keys')
        ) AS granted (role, privileges, name)
        WHERE to_regclass('public.' || name) IS NOT NULL
    LOOP
        EXECUTE format('GRANT %s ON public.%I TO %I', grants.privileges, grants.name, grants.role);
    END LOOP;
END
$$;
