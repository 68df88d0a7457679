-- An endpoint may be signed for with Ed25519 (`v1a` of Standard Webhooks) instead of a shared secret: its
-- secret is the seed of the private key and is never shown, the public key may be seen by anybody.
ALTER TABLE ops.webhook_endpoints
    ADD COLUMN signature text NOT NULL DEFAULT 'v1' CHECK (signature IN ('v1', 'v1a')),
    ADD COLUMN public_key text,
    ADD CONSTRAINT webhook_endpoints_key_of_pair CHECK ((signature = 'v1a') = (public_key IS NOT NULL));

COMMENT ON COLUMN ops.webhook_endpoints.signature IS 'The scheme that messages are signed by.';
COMMENT ON COLUMN ops.webhook_endpoints.public_key IS 'What a receiver checks v1a with: whpk_ and base64.';
