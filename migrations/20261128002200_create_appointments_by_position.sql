-- What has changed after a position: the rest of the rows are what they were there, so that a page as of
-- a moment need not be folded from the whole history.
CREATE INDEX appointments_by_position ON read.appointments (tenant_id, position)
    INCLUDE (booked_at, appointment_id);
