-- What customers are searched by, a row per word: an index that PostgreSQL can use behind row-level
-- security, where only leakproof operators see a row before its policy does. lower() and LIKE are not
-- leakproof; comparing texts in collation C is, so a prefix is a range.
--
-- It is derived from read.customers in the statement that changes a row there, whoever changes it, so
-- it needs no digest and no mirror, and an erasure clears it.
CREATE TABLE read.customer_words (
    tenant_id   uuid             NOT NULL,
    customer_id uuid             NOT NULL,
    word        text COLLATE "C" NOT NULL,
    company_id  uuid             NOT NULL,
    PRIMARY KEY (tenant_id, customer_id, word)
);

COMMENT ON TABLE read.customer_words IS 'What customers are searched by. Derived from read.customers by triggers.';
COMMENT ON COLUMN read.customer_words.word IS 'Personal. A word of read.customers.words, or # and the digits of the phone number from one of them on.';

CREATE INDEX customer_words_by_word ON read.customer_words (tenant_id, company_id, word, customer_id);
ALTER TABLE read.customer_words ALTER COLUMN tenant_id SET STATISTICS 0;

GRANT SELECT, INSERT, UPDATE, DELETE ON read.customer_words TO daybook_projector;
GRANT SELECT ON read.customer_words TO daybook_app;
ALTER TABLE read.customer_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE read.customer_words FORCE ROW LEVEL SECURITY;
CREATE POLICY project ON read.customer_words TO daybook_projector USING (true) WITH CHECK (true);
CREATE POLICY own_tenant ON read.customer_words FOR SELECT TO daybook_app
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

-- Four digits in a row anywhere in a number find it.
CREATE FUNCTION ops.words_of(p_words text[], p_phone text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog
AS $$
    SELECT w FROM unnest(p_words) AS w
     UNION
    SELECT '#' || substr(p_phone, n) FROM generate_series(2, length(p_phone) - 3) AS n
$$;

COMMENT ON FUNCTION ops.words_of IS 'What a row of read.customers is searched by.';

CREATE FUNCTION ops.index_customers() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO read.customer_words (tenant_id, customer_id, word, company_id)
        SELECT n.tenant_id, n.customer_id, w, n.company_id
          FROM new_rows AS n CROSS JOIN LATERAL ops.words_of(n.words, n.phone) AS w;
    WHEN 'UPDATE' THEN
        -- Most updates change no word: they count visits.
        IF NOT EXISTS (
            SELECT FROM new_rows AS n JOIN old_rows AS o USING (tenant_id, customer_id)
             WHERE (n.words, n.phone, n.company_id) IS DISTINCT FROM (o.words, o.phone, o.company_id)
        ) THEN
            RETURN NULL;
        END IF;
        DELETE FROM read.customer_words AS i
         USING new_rows AS n JOIN old_rows AS o USING (tenant_id, customer_id)
         WHERE i.tenant_id = n.tenant_id AND i.customer_id = n.customer_id
           AND (n.words, n.phone, n.company_id) IS DISTINCT FROM (o.words, o.phone, o.company_id);
        INSERT INTO read.customer_words (tenant_id, customer_id, word, company_id)
        SELECT n.tenant_id, n.customer_id, w, n.company_id
          FROM new_rows AS n
          JOIN old_rows AS o USING (tenant_id, customer_id)
         CROSS JOIN LATERAL ops.words_of(n.words, n.phone) AS w
         WHERE (n.words, n.phone, n.company_id) IS DISTINCT FROM (o.words, o.phone, o.company_id);
    WHEN 'DELETE' THEN
        DELETE FROM read.customer_words AS i
         USING old_rows AS o
         WHERE i.tenant_id = o.tenant_id AND i.customer_id = o.customer_id;
    ELSE
        DELETE FROM read.customer_words;
    END CASE;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION ops.index_customers IS 'Keeps read.customer_words.';

CREATE TRIGGER index_customers_on_insert AFTER INSERT ON read.customers
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION ops.index_customers();
CREATE TRIGGER index_customers_on_update AFTER UPDATE ON read.customers
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ops.index_customers();
CREATE TRIGGER index_customers_on_delete AFTER DELETE ON read.customers
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION ops.index_customers();
CREATE TRIGGER index_customers_on_truncate AFTER TRUNCATE ON read.customers
    FOR EACH STATEMENT EXECUTE FUNCTION ops.index_customers();
