-- Decision receipts: what clients asked about time and were told, "no" included. Kept for 30 days; each
-- batch that is written sweeps twice as many that are older.
CREATE TABLE ops.receipts (
    tenant_id   uuid        NOT NULL,
    receipt_id  uuid        NOT NULL,
    at          timestamptz NOT NULL,
    key_id      uuid        NOT NULL,
    request_id  text        NOT NULL,
    route       text        NOT NULL,
    question    jsonb       NOT NULL,
    status      int         NOT NULL,
    code        text,
    position    bigint,
    answer_hash text        NOT NULL CHECK (length(answer_hash) = 64),
    answer      jsonb,
    PRIMARY KEY (tenant_id, receipt_id)
);

COMMENT ON TABLE ops.receipts IS 'What was asked about time, what was answered, and on which position. No personal data.';
COMMENT ON COLUMN ops.receipts.at IS 'The time of the decision.';
COMMENT ON COLUMN ops.receipts.question IS 'The body of the request without the customer''s own words.';
COMMENT ON COLUMN ops.receipts.code IS 'Why it was refused.';
COMMENT ON COLUMN ops.receipts.position IS 'The position that the answer rests on.';
COMMENT ON COLUMN ops.receipts.answer_hash IS 'SHA-256 of the answer, hexadecimal.';
COMMENT ON COLUMN ops.receipts.answer IS 'The answer, unless it is long.';

CREATE INDEX receipts_by_time ON ops.receipts (tenant_id, at);

GRANT SELECT, INSERT, DELETE ON ops.receipts TO daybook_app;
ALTER TABLE ops.receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE ops.receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON ops.receipts TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
