-- across tenants: the processes of the installation share one channel
SELECT pg_notify(name, $1)
  FROM log.wakeup_channel
