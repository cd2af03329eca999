/* sql/install/appinfra--0.1.0--0.2.0.sql: what 0.2.0 changes in an installation of 0.1.0. */
\echo Use "ALTER EXTENSION appinfra UPDATE" to load this file. \quit
