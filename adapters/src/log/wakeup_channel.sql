-- across tenants: the processes of the installation share one channel
SELECT name
  FROM log.wakeup_channel
