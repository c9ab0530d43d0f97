-- name: destinations
select destination_key, failures, failing_since, closed_until, paused_at, concurrency,
       (select count(*) from deliveries
         where deliveries.destination_id = destinations.destination_id and state = 'pending') as waiting,
       (select min(due_at) from deliveries
         where deliveries.destination_id = destinations.destination_id and state = 'pending'
           and lease_until is null) as oldest_due_at
  from destinations where organization_id = $1
 order by destination_key

-- name: pause
update destinations set paused_at = coalesce(paused_at, $3) where organization_id = $1 and destination_key = $2
returning destination_id

-- The time spent in a pause is nobody's failure.
-- name: resume
update destinations
   set paused_at = null, failures = 0, failing_since = null, trips = 0, closed_until = null
 where organization_id = $1 and destination_key = $2
returning destination_id

-- name: limit
update destinations set concurrency = $3 where organization_id = $1 and destination_key = $2
returning destination_id

-- name: schedule
select schedule from delivery_settings where organization_id = $1

-- name: set_schedule
insert into delivery_settings (organization_id, schedule) values ($1, $2)
on conflict (organization_id) do update set schedule = excluded.schedule

-- name: webhook_secrets
select webhook_secrets from delivery_settings where organization_id = $1

-- name: add_webhook_secret
insert into delivery_settings (organization_id, webhook_secrets) values ($1, array[$2::bytea])
on conflict (organization_id) do update
   set webhook_secrets = (array[$2::bytea] || delivery_settings.webhook_secrets)[1:2]

-- name: retire_webhook_secret
update delivery_settings set webhook_secrets = webhook_secrets[1:1] where organization_id = $1

-- Queue age and depth for the metrics; $1 now.
-- name: depths
select destination_key, count(*) as waiting,
       greatest(0, extract(epoch from $1::timestamptz - min(due_at)))::float8 as oldest_s
  from deliveries join destinations using (destination_id)
 where state = 'pending'
 group by destination_key
