/* sql/install/appinfra--0.1.0--0.2.0.sql: what 0.2.0 changes in an installation of 0.1.0. */
\echo Use "ALTER EXTENSION appinfra UPDATE" to load this file. \quit

-- Rotations that fail are put off.
ALTER TABLE appinfra.binding
    ADD COLUMN attempts int NOT NULL DEFAULT 0,
    ADD COLUMN try_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN last_error text;
COMMENT ON COLUMN appinfra.binding.attempts IS 'how often rotating it by schedule has failed; try_at says when it is tried again';
