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

-- Row by row: most updates change no word, since they count visits, and never come here.
CREATE FUNCTION ops.index_customer() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM read.customer_words;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM read.customer_words AS w
         WHERE w.tenant_id = OLD.tenant_id AND w.customer_id = OLD.customer_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO read.customer_words (tenant_id, customer_id, word, company_id)
        SELECT NEW.tenant_id, NEW.customer_id, w, NEW.company_id
          FROM ops.words_of(NEW.words, NEW.phone) AS w;
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION ops.index_customer IS 'Keeps read.customer_words.';

CREATE TRIGGER index_customer_on_insert AFTER INSERT OR DELETE ON read.customers
    FOR EACH ROW EXECUTE FUNCTION ops.index_customer();
CREATE TRIGGER index_customer_on_update AFTER UPDATE ON read.customers
    FOR EACH ROW WHEN ((NEW.words, NEW.phone, NEW.company_id) IS DISTINCT FROM (OLD.words, OLD.phone, OLD.company_id))
    EXECUTE FUNCTION ops.index_customer();
CREATE TRIGGER index_customer_on_truncate AFTER TRUNCATE ON read.customers
    FOR EACH STATEMENT EXECUTE FUNCTION ops.index_customer();
