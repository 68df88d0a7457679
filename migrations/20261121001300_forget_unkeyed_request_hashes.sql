-- Requests with a key were hashed as they came: whoever guessed a body right could tell by its hash that
-- it was sent, even after the person in it was forgotten. From now on the hash is keyed. Those of before
-- are taken away: zeros mean that the answer stands for whoever sends its key again.
--
-- Appends wait while it runs. Old code that still runs afterwards refuses to give an answer of before
-- again, and goes on to write hashes without a key: stop it first.
ALTER TABLE log.commands NO FORCE ROW LEVEL SECURITY;

UPDATE log.commands SET request_hash = decode(repeat('00', 32), 'hex');

ALTER TABLE log.commands FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN log.commands.request_hash IS
    'HMAC-SHA256 of the request with a key of the tenant: the same key with another request is refused. Zeros: not kept.';
