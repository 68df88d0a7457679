-- The channel that the processes of an installation wake each other on. Any login of a database may LISTEN and NOTIFY
-- on any channel whose name it knows: this one is random, and only the program's own role may read it.
CREATE TABLE log.wakeup_channel (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    name    text    NOT NULL
);

COMMENT ON TABLE log.wakeup_channel IS 'The NOTIFY channel of this installation. Its name is a secret: who knows it could forge wake-ups and listen to positions.';

INSERT INTO log.wakeup_channel (name) VALUES ('daybook_' || replace(gen_random_uuid()::text, '-', ''));

ALTER TABLE log.wakeup_channel ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.wakeup_channel FORCE ROW LEVEL SECURITY;

CREATE POLICY append ON log.wakeup_channel FOR SELECT TO daybook_append USING (true);
GRANT SELECT ON log.wakeup_channel TO daybook_append;
