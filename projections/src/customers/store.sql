INSERT INTO customers AS t (
    tenant_id, customer_id, position, version, company_id, name, phone, phone_extension,
    phone_is_valid, email, language, preferred_branch_id, external_ref, consents,
    erasure_requested_at, erasure_due_at, is_erased, words, registered_at, updated_at)
SELECT
    $1, r.customer_id, r.position, r.version, r.company_id, r.name, r.phone, r.phone_extension,
    r.phone_is_valid, r.email, r.language, r.preferred_branch_id, r.external_ref,
    r.consents::text[], r.erasure_requested_at, r.erasure_due_at, r.is_erased, r.words::text[],
    r.registered_at, r.updated_at
  FROM unnest(
           $2::uuid[], $3::bigint[], $4::bigint[], $5::uuid[], $6::text[], $7::text[],
           $8::text[], $9::boolean[], $10::text[], $11::text[], $12::uuid[], $13::text[],
           $14::text[], $15::timestamptz[], $16::timestamptz[], $17::boolean[], $18::text[],
           $19::timestamptz[], $20::timestamptz[])
       AS r (
           customer_id, position, version, company_id, name, phone, phone_extension,
           phone_is_valid, email, language, preferred_branch_id, external_ref, consents,
           erasure_requested_at, erasure_due_at, is_erased, words, registered_at, updated_at)
    ON CONFLICT (tenant_id, customer_id) DO UPDATE SET
    position = excluded.position, version = excluded.version, company_id = excluded.company_id,
    name = excluded.name, phone = excluded.phone, phone_extension = excluded.phone_extension,
    phone_is_valid = excluded.phone_is_valid, email = excluded.email,
    language = excluded.language, preferred_branch_id = excluded.preferred_branch_id,
    external_ref = excluded.external_ref, consents = excluded.consents,
    erasure_requested_at = excluded.erasure_requested_at,
    erasure_due_at = excluded.erasure_due_at, is_erased = excluded.is_erased,
    words = excluded.words, registered_at = excluded.registered_at,
    updated_at = excluded.updated_at
 WHERE t.position < excluded.position
