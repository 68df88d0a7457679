-- across tenants: a batch holds the appends of several
SELECT append_no, outcome, last_position, stored_result, stream_no, stream_sequence,
       event_position, event_sequence, event_id, event_type, event_version,
       payload, metadata, recorded_at, hash
  FROM log.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
