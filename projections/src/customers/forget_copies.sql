WITH replaced AS (
    UPDATE read_before.customers AS c
       SET name = NULL, phone = NULL, phone_extension = NULL, phone_is_valid = NULL, email = NULL,
           external_ref = NULL, language = NULL, words = '{}'
     WHERE c.tenant_id = $1 AND c.customer_id = ANY ($2)
), begun AS (
    UPDATE read_next.customers AS c
       SET name = NULL, phone = NULL, phone_extension = NULL, phone_is_valid = NULL, email = NULL,
           external_ref = NULL, language = NULL, words = '{}'
     WHERE c.tenant_id = $1 AND c.customer_id = ANY ($2)
), replaced_bookings AS (
    UPDATE read_before.appointments AS a
       SET external_ref = NULL, call_id = NULL
     WHERE a.tenant_id = $1 AND a.customer_id = ANY ($2)
)
UPDATE read_next.appointments AS a
   SET external_ref = NULL, call_id = NULL
 WHERE a.tenant_id = $1 AND a.customer_id = ANY ($2)
