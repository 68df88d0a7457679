-- across tenants: runners belong to no tenant.
-- The server's clock judges, so the runners' clocks do not matter. The dead are swept on the way.
-- Answers how many runners are alive, this one included: its own row is new to this statement.
WITH me AS (
    INSERT INTO ops.runners (runner_id, seen_at)
    VALUES ($1, clock_timestamp())
        ON CONFLICT (runner_id) DO UPDATE SET seen_at = excluded.seen_at
),
dead AS (
    DELETE FROM ops.runners
     WHERE runner_id <> $1 AND seen_at < clock_timestamp() - 20 * make_interval(secs => $2)
)
SELECT 1 + count(*)
  FROM ops.runners
 WHERE runner_id <> $1 AND seen_at > clock_timestamp() - make_interval(secs => $2)
