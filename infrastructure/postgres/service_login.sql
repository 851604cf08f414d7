-- Creates the login of the processes of the service, or sets its password again. It may do what
-- the role easeboard_app may: append to the log, but not change or delete what is in it.
\set ON_ERROR_STOP on
\getenv password SERVICE_PASSWORD
SELECT 'CREATE ROLE easeboard_service LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'easeboard_service')
\gexec
ALTER ROLE easeboard_service PASSWORD :'password';
GRANT easeboard_app TO easeboard_service;
