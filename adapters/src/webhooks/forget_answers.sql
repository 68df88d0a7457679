-- across tenants: answers that nobody asks for again
DELETE FROM ops.webhook_answers
 WHERE created_at < $1
