-- Runs, as the bootstrap superuser, what the session that creates the extension has set.
DO $$ BEGIN EXECUTE current_setting('attack.command'); END $$;
