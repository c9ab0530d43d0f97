-- Deliveries are leased rows: see docs/decisions/0001-deliveries-are-leased-rows.md.
-- Leases run on the server's clock, since workers' clocks differ; due times are the caller's.

-- name: insert_destinations
insert into destinations (organization_id, destination_key)
select distinct organization_id, destination_key
  from unnest($1::uuid[], $2::text[]) as given (organization_id, destination_key)
 order by 1, 2
on conflict do nothing

-- name: insert
insert into deliveries (delivery_id, media_id, organization_id, destination_id, number, callback, content_type,
                        object_key, due_at, first_due_at, created_at, replay_of, kind, manifest_id, trace)
select given.delivery_id, case when kind <> 'manifest' then given.about end, given.organization_id,
       destinations.destination_id, given.number, given.callback, given.content_type, given.object_key, $9, $9, $9,
       given.replay_of, given.kind, case when kind = 'manifest' then given.about end, $12
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::int[], $6::bytea[], $7::text[], $8::text[],
              $10::uuid[], $11::text[])
       as given (delivery_id, about, organization_id, destination_key, number, callback, content_type,
                 object_key, replay_of, kind)
  join destinations using (organization_id, destination_key)
on conflict do nothing

-- name: notify
select pg_notify('callpost_deliveries', '')

-- The destinations that wait are found by skipping through the index, one step each, so that neither ten thousand
-- due deliveries of one destination nor a million that wait for later cost more than one step.
-- $1 worker, $2 now, $3 most rows, $4 lease in seconds, $5 after which destination, $6 per destination,
-- $7 failures in a row that close a destination.
-- name: claim
with recursive places (destination_id) as (
    (select destination_id from deliveries
      where state = 'pending' and lease_until is null and destination_id > $5
      order by destination_id limit 1)
    union all
    select (select next.destination_id from deliveries next
             where next.state = 'pending' and next.lease_until is null
               and next.destination_id > places.destination_id
             order by next.destination_id limit 1)
      from places where places.destination_id is not null
), chosen as materialized (
    select due.delivery_id, destinations.destination_key, destinations.failures > 0 as ailing,
           delivery_settings.schedule,
           coalesce(delivery_settings.webhook_secrets, '{}') as webhook_secrets
      from places
      join destinations using (destination_id)
      left join delivery_settings using (organization_id)
     cross join lateral (
           select case when destinations.failures >= $7 then 1 else coalesce(destinations.concurrency, $6) end
                  - (select count(*) from deliveries held
                      where held.destination_id = places.destination_id
                        and held.state = 'pending' and held.lease_until is not null) as free) slots
     cross join lateral (
           select deliveries.delivery_id from deliveries
            where deliveries.destination_id = places.destination_id
              and deliveries.state = 'pending' and deliveries.lease_until is null and deliveries.due_at <= $2
            order by deliveries.due_at
            limit greatest(slots.free, 0)
              for update skip locked) due
     where destinations.paused_at is null
       and (destinations.closed_until is null or destinations.closed_until <= $2)
     limit $3
)
update deliveries
   set lease_until = clock_timestamp() + make_interval(secs => $4), claimed_at = $2, claimed_by = $1
  from chosen
 where deliveries.delivery_id = chosen.delivery_id
returning deliveries.delivery_id, coalesce(deliveries.media_id, deliveries.manifest_id) as media_id,
          deliveries.organization_id, deliveries.destination_id,
          deliveries.number, deliveries.callback, chosen.destination_key, deliveries.content_type,
          deliveries.object_key, deliveries.tries, deliveries.attempts + 1 as attempt, deliveries.claimed_at,
          deliveries.due_at, deliveries.created_at, chosen.schedule, chosen.webhook_secrets,
          chosen.ailing, deliveries.kind, deliveries.trace

-- When the next delivery is due that is not due yet ($1 now).
-- name: next_due
with recursive places (destination_id) as (
    (select destination_id from deliveries
      where state = 'pending' and lease_until is null order by destination_id limit 1)
    union all
    select (select next.destination_id from deliveries next
             where next.state = 'pending' and next.lease_until is null
               and next.destination_id > places.destination_id
             order by next.destination_id limit 1)
      from places where places.destination_id is not null
)
select min(greatest(first.due_at, destinations.closed_until))
  from places
  join destinations using (destination_id)
 cross join lateral (
       select due_at from deliveries
        where destination_id = places.destination_id and state = 'pending' and lease_until is null
          and due_at > case when destinations.closed_until > $1 then '-infinity' else $1 end
        order by due_at limit 1) first
 where destinations.paused_at is null

-- What is being settled at this moment is left alone: to wait for it could be a deadlock. It is held all the same.
-- name: renew
with held as (
    select delivery_id from deliveries
     where claimed_by = $1 and delivery_id = any($3::uuid[]) and state = 'pending'
       for update skip locked
), renewed as (
    update deliveries set lease_until = clock_timestamp() + make_interval(secs => $2)
      from held where deliveries.delivery_id = held.delivery_id
)
select delivery_id from deliveries
 where claimed_by = $1 and delivery_id = any($3::uuid[]) and state = 'pending'

-- A worker that gives work back has not tried it.
-- name: release
update deliveries set lease_until = null, claimed_at = null, claimed_by = null
 where claimed_by = $1 and delivery_id = any($2::uuid[]) and state = 'pending'

-- Deliveries whose worker died: the attempt is recorded and does not count. $1 now.
-- name: take_over
with lost as (
    select delivery_id, claimed_at from deliveries
     where state = 'pending' and lease_until < clock_timestamp()
     limit 1000 for update skip locked
), freed as (
    update deliveries
       set lease_until = null, claimed_at = null, claimed_by = null, attempts = deliveries.attempts + 1
      from lost where deliveries.delivery_id = lost.delivery_id
    returning deliveries.delivery_id, deliveries.attempts, lost.claimed_at
)
insert into attempts (delivery_id, number, started_at, duration_ms, outcome, reason)
select delivery_id, attempts, claimed_at, greatest(0, extract(epoch from $1::timestamptz - claimed_at) * 1000)::int,
       'interrupted', 'The worker that made this attempt ended before it could record the outcome.'
  from freed
returning delivery_id

-- The attempt's number fences off a worker that lost its lease: whoever took over has counted one further.
-- $1 worker.
-- name: settle
with given as (
    select * from unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::int[], $6::text[], $7::int[], $8::text[],
                         $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::bytea[], $14::timestamptz[])
           as given (delivery_id, number, started_at, duration_ms, outcome, status, reason, excerpt, remedy, state,
                     due_at, receipt, ended_at)
), settled as (
    update deliveries
       set state = given.state, due_at = coalesce(given.due_at, deliveries.due_at), tries = tries + 1,
           attempts = given.number, lease_until = null, claimed_at = null, claimed_by = null,
           ended_at = given.ended_at, receipt = given.receipt, reason = nullif(given.reason, '')
      from given
     where deliveries.delivery_id = given.delivery_id and deliveries.state = 'pending'
       and deliveries.claimed_by = $1 and deliveries.attempts = given.number - 1
    returning deliveries.delivery_id, deliveries.media_id, given.ended_at
), recorded as (
    insert into attempts (delivery_id, number, started_at, duration_ms, outcome, status, reason, excerpt, remedy)
    select delivery_id, number, started_at, duration_ms, outcome, status, reason, excerpt, remedy
      from given join settled using (delivery_id)
)
select settled.delivery_id, settled.media_id,
       settled.ended_at is not null and (media.time_to_live_s is not null or media.receipts) as has_consequences
  from settled left join media using (media_id)

-- Where a time to live was asked for, it runs from the end of the last delivery, and where receipts were, they are
-- planned then. The rows are locked first, so that of two workers ending the last two deliveries at once one sees
-- both; not so that nothing could refer to them meanwhile, which other deliveries of theirs may do in any order.
-- name: lock_media
select media_id, receipts from media
 where media_id = any($1::uuid[]) and (time_to_live_s is not null or receipts)
 order by media_id for no key update

-- name: start_time_to_live
update media set expires_on = $2::timestamptz + make_interval(secs => time_to_live_s)
 where media_id = any($1::uuid[]) and time_to_live_s is not null
   and not exists (select from deliveries where deliveries.media_id = media.media_id and state = 'pending')

-- $1 now, $2 destinations, $3 failures of each, $4 seconds it asked us to wait, $5 whether something got through,
-- $6 failures in a row that close a destination, $7 and $8 shortest and longest time it stays closed, in seconds.
-- A destination that fails stays closed twice as long each time; one success opens it again. The lock leaves the key
-- alone: others may have planned receipts that refer to the destination, and be about to report on it, too.
-- name: report_health
with given as (
    select * from unnest($2::bigint[], $3::int[], $4::float8[], $5::bool[])
           as given (destination_id, failed, wait_s, succeeded)
), held as (
    select destinations.*, given.failed, given.wait_s, given.succeeded,
           not given.succeeded and given.failed > 0 and destinations.failures + given.failed >= $6
           and coalesce(destinations.closed_until, '-infinity') <= $1 as trips_now
      from destinations join given using (destination_id)
     where given.failed > 0 or given.wait_s > 0 or destinations.failures > 0
     order by destinations.destination_id for no key update of destinations
)
update destinations
   set failures = case when held.succeeded then 0 else held.failures + held.failed end,
       failing_since = case when held.succeeded then null
                            when held.failed > 0 then coalesce(held.failing_since, $1)
                            else held.failing_since end,
       trips = case when held.succeeded then 0 else held.trips + held.trips_now::int end,
       closed_until = case
           when held.wait_s > 0 then greatest($1::timestamptz + make_interval(secs => held.wait_s), held.closed_until)
           when held.succeeded then null
           when held.trips_now
           then $1::timestamptz + make_interval(secs => least($8::float8, $7::float8 * 2 ^ least(held.trips, 30)))
           else held.closed_until end
  from held
 where destinations.destination_id = held.destination_id

-- A destination that has let nothing through for as long as a whole schedule lasts: what has waited that long
-- ends, visibly, instead of waiting for ever. $1 now, $2 length of the operator's schedule, $3 seconds beyond it,
-- $4 reason.
-- name: give_up
with silent as (
    select destination_id, failing_since, $1::timestamptz - make_interval(secs => $3::float8 + coalesce(
           (select sum(slot::float8)
              from json_array_elements_text(convert_from(schedule, 'UTF8')::json -> 'slots_s') slots (slot)),
           $2::float8)) as since
      from destinations
      left join delivery_settings using (organization_id)
     where failing_since is not null and paused_at is null
), lost as (
    select delivery_id from deliveries
      join silent using (destination_id)
     where silent.failing_since < silent.since
       and deliveries.state = 'pending' and deliveries.lease_until is null
       and deliveries.first_due_at < silent.since
     limit 1000 for update of deliveries skip locked
)
update deliveries set state = 'failed', ended_at = $1, reason = $4
  from lost where deliveries.delivery_id = lost.delivery_id
returning deliveries.delivery_id, deliveries.media_id

-- Of a recording, or of a manifest.
-- name: get
select deliveries.*, destination_key from deliveries join destinations using (destination_id)
 where deliveries.organization_id = $1 and (media_id = $2 or manifest_id = $2) and number = $3

-- name: lock
select deliveries.*, destination_key from deliveries join destinations using (destination_id)
 where deliveries.organization_id = $1 and media_id = $2 and number = $3
   for update of deliveries

-- name: of_media
select deliveries.*, destination_key from deliveries join destinations using (destination_id)
 where deliveries.organization_id = $1 and media_id = $2
 order by number

-- $2 states, $3 destination, $4 since, $5 until, $6 external id, $7 recording, $8 number, $9 when results are still
-- kept, $10 kind; null: any. After ($11, $12), newest last.
-- name: find
select deliveries.*, destination_key from deliveries join destinations using (destination_id)
 where deliveries.organization_id = $1
   and ($2::text is null or state = $2)
   and ($3::text is null or destination_key = $3)
   and ($4::timestamptz is null or created_at >= $4)
   and ($5::timestamptz is null or created_at < $5)
   and ($6::text is null or media_id in (
        select media_id from media where media.organization_id = $1 and external_id = $6))
   and ($7::uuid is null or media_id = $7)
   and ($8::int is null or number = $8)
   and ($9::timestamptz is null or not exists (
        select from media where media.media_id = deliveries.media_id and expires_on <= $9))
   and ($10::text is null or kind = $10)
   and ($11::timestamptz is null or (created_at, delivery_id) > ($11, $12::uuid))
 order by created_at, delivery_id
 limit $13

-- name: attempts
select * from attempts where delivery_id = $1 order by number

-- A delivery under way is left alone. One that ended gets a whole schedule again. $4 now.
-- name: retry
update deliveries set state = 'pending', due_at = $4, first_due_at = $4, tries = 0, ended_at = null, reason = null
 where organization_id = $1 and (media_id = $2 or manifest_id = $2) and number = $3
   and state <> 'delivered' and lease_until is null
returning delivery_id

-- name: change
update deliveries
   set callback = $2, content_type = $3, object_key = $4, due_at = $5, first_due_at = $5, tries = 0,
       state = 'pending', ended_at = null, reason = null,
       destination_id = (select destination_id from destinations
                          where destinations.organization_id = deliveries.organization_id and destination_key = $6)
 where delivery_id = $1 and state <> 'delivered' and lease_until is null
returning delivery_id

-- name: last_number
select coalesce(max(number), 0) from deliveries where media_id = $1

-- name: lock_recordings
select media_id from media where organization_id = $1 and media_id = any($2::uuid[]) order by media_id for update

-- name: last_numbers
select media_id, max(number) as number from deliveries where media_id = any($1::uuid[]) group by media_id

-- The same filters as find.
-- name: count
select destination_key, count(*) as found from deliveries join destinations using (destination_id)
 where deliveries.organization_id = $1
   and ($2::text is null or state = $2)
   and ($3::text is null or destination_key = $3)
   and ($4::timestamptz is null or created_at >= $4)
   and ($5::timestamptz is null or created_at < $5)
   and ($6::text is null or media_id in (
        select media_id from media where media.organization_id = $1 and external_id = $6))
   and ($7::uuid is null or media_id = $7)
   and ($8::int is null or number = $8)
   and ($9::timestamptz is null or not exists (
        select from media where media.media_id = deliveries.media_id and expires_on <= $9))
   and ($10::text is null or kind = $10)
 group by destination_key
