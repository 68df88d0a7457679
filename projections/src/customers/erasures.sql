SELECT coalesce((SELECT max(p.position)
                   FROM ops.checkpoints AS p
                  WHERE p.tenant_id = $1 AND p.projector = 'customers'), 0) AS position,
       (SELECT min(c.erasure_due_at)
          FROM read.customers AS c
         WHERE c.tenant_id = $1 AND c.erasure_due_at IS NOT NULL AND NOT c.is_erased) AS next_due_at
