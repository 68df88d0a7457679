-- How much of their time were staff booked with customers, by day and branch? Minutes in which customer
-- and staff are busy, and minutes in which staff are, cleaning up included.
SELECT u.local_date, b.name AS branch, s.name AS staff, sum(u.booked_min)::bigint AS booked_min,
       sum(u.staff_min)::bigint AS staff_min, sum(u.appointments)::bigint AS appointments
  FROM reporting.utilisation_daily AS u
  LEFT JOIN reporting.staff AS s USING (tenant_id, staff_id)
  LEFT JOIN reporting.branches AS b USING (tenant_id, branch_id)
 GROUP BY u.local_date, u.branch_id, b.name, u.staff_id, s.name
 ORDER BY u.local_date, b.name, s.name;
