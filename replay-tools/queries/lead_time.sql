-- How long before its start is an appointment booked, by surface? In minutes; half of them are booked
-- earlier than the median. Imported appointments from before their booking are left out. The views hold one tenant_id only.
SELECT a.source, count(*) AS appointments,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY a.lead_time_min) AS median_lead_time_min,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY a.lead_time_min) AS p90_lead_time_min
  FROM reporting.appointments AS a
 WHERE a.lead_time_min >= 0
 GROUP BY a.source
 ORDER BY a.source;
