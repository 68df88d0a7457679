-- What is kept of a live table, over all days.
SELECT coalesce(sum(rows), 0)::bigint, coalesce(bit_xor(a), 0), coalesce(bit_xor(b), 0)
  FROM ops.digests
 WHERE tenant_id = $1 AND place = 'read' AND name = $2
