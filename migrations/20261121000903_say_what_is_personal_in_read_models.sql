-- What outside systems call a customer or a booking leads to the person: it goes with the customer.
COMMENT ON TABLE read.appointments IS 'One row per appointment, as it stands. No personal data but what outside systems call it.';
COMMENT ON COLUMN read.appointments.external_ref IS 'Personal. The client''s own id; NULL when there is none or the customer was erased.';
COMMENT ON COLUMN read.appointments.call_id IS 'Personal. The call that it came from; NULL when there is none or the customer was erased.';
COMMENT ON COLUMN read.customers.external_ref IS 'Personal. The client''s own id; NULL when unknown or erased.';
