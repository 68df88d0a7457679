SELECT appointment_id
  FROM read.appointments
 WHERE tenant_id = $1 AND position > $2 AND booked_at <= $3
