-- The log is appended to by functions that the owner executes, so the application needs no right
-- to change the table. The search path is fixed: names in the functions cannot be redirected.
ALTER FUNCTION easeboard.append(
    uuid, uuid, boolean, text, text, uuid, uuid[], bigint[], text[], bytea[], bigint
) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

ALTER FUNCTION easeboard.append(
    uuid, uuid, boolean, text, text, uuid, uuid[], bigint[], text[], bytea[]
) SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

ALTER FUNCTION easeboard.begin_timeline(bigint, timestamptz)
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

-- Every role may execute a new function. Only those that may insert keep that right; `migrate`
-- grants it to the role easeboard_app.
DO $$
DECLARE
    appender regrole;
    definer  regprocedure;
BEGIN
    FOR definer IN
        SELECT oid
          FROM pg_proc
         WHERE pronamespace = 'easeboard'::regnamespace
           AND proname IN ('append', 'begin_timeline')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', definer);
        FOR appender IN
            SELECT DISTINCT acl.grantee
              FROM pg_class
             CROSS JOIN aclexplode(relacl) AS acl
             WHERE pg_class.oid = 'easeboard.events'::regclass
               AND acl.privilege_type = 'INSERT'
               AND acl.grantee NOT IN (0, relowner)
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', definer, appender);
        END LOOP;
    END LOOP;
END
$$;
