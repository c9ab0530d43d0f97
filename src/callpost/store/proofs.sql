-- Proofs and manifests: see docs/decisions/0005-receipts-are-deliveries.md.

-- name: want_receipts
update media set receipts = $2 where media_id = $1 and receipts <> $2

-- name: insert_destination
insert into destinations (organization_id, destination_key) values ($1, $2) on conflict do nothing

-- name: insert_manifest
insert into manifests (manifest_id, organization_id, destination_id, day, folder, callback, object_key)
select $3, organization_id, destination_id, $4, $5, $6, $7
  from destinations where organization_id = $1 and destination_key = $2
on conflict (destination_id, object_key) do nothing

-- The newest callback knows best how to write there. Most of the time nothing differs, and no row is touched: all
-- recordings of a day meet here.
-- name: renew_manifest
update manifests set callback = $4, folder = $5
  from destinations
 where destinations.organization_id = $1 and destination_key = $2
   and manifests.destination_id = destinations.destination_id and object_key = $3
   and (callback, folder) is distinct from ($4, $5)

-- name: insert_proof
insert into proofs (manifest_id, media_id, run, after_number, callback, object_key, accepted_at)
select manifest_id, media_id, runs, coalesce((select max(number) from deliveries where media_id = $3), 0), $5, $6, $7
  from destinations
  join manifests using (destination_id)
  join media on media_id = $3
 where destinations.organization_id = $1 and destination_key = $2 and manifests.object_key = $4
on conflict (manifest_id, media_id) do update
   set run = excluded.run, after_number = excluded.after_number, callback = excluded.callback,
       object_key = excluded.object_key, accepted_at = excluded.accepted_at, state = 'pending', ended_at = null,
       account = null, listed = false

-- Of recordings whose deliveries have all ended. While receipts are on their way they are left as they are: what
-- was planned is what is sent, and their own end leads here again. A processing that another one has followed is
-- accounted for up to that one's deliveries, unless it had succeeded.
-- name: to_account_for
select proofs.manifest_id, proofs.media_id, proofs.after_number, proofs.callback, proofs.object_key, proofs.account,
       proofs.run = media.runs as current, media.organization_id, media.status, media.external_id, destination_key,
       coalesce((select min(later.after_number) from proofs later
                  where later.media_id = proofs.media_id and later.run > proofs.run), 2147483647) as last_number
  from proofs
  join media using (media_id)
  join manifests using (manifest_id)
  join destinations using (destination_id)
 where proofs.media_id = any($1::uuid[]) and media.status in ('finished', 'failed')
   and (proofs.run = media.runs or proofs.state <> 'delivered')
   and not exists (select from deliveries
                    where deliveries.media_id = proofs.media_id and deliveries.state = 'pending'
                      and (deliveries.kind = 'result'
                           or deliveries.destination_id = manifests.destination_id
                              and deliveries.object_key = proofs.object_key))
 order by proofs.media_id, proofs.manifest_id

-- name: deliveries
select deliveries.*, destination_key from deliveries join destinations using (destination_id)
 where media_id = any($1::uuid[])
 order by number

-- Whoever changes several proofs locks them in the same order first.
-- name: account_for
with given as (
    select * from unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::text[])
           as given (manifest_id, media_id, account, state)
), locked as materialized (
    select proofs.manifest_id, proofs.media_id, given.account, given.state
      from proofs join given using (manifest_id, media_id)
     order by proofs.media_id, proofs.manifest_id for no key update of proofs
)
update proofs set account = locked.account, state = locked.state, ended_at = $1, listed = false
  from locked
 where proofs.manifest_id = locked.manifest_id and proofs.media_id = locked.media_id

-- name: of_delivery
select manifests.organization_id, proofs.*, manifests.folder
  from deliveries
  join proofs on proofs.media_id = deliveries.media_id and proofs.object_key = deliveries.object_key
  join manifests on manifests.manifest_id = proofs.manifest_id and manifests.destination_id = deliveries.destination_id
 where delivery_id = $1 and account is not null
 order by accepted_at desc limit 1

-- name: of_manifest
select manifests.organization_id, proofs.*, manifests.folder
  from proofs join manifests using (manifest_id)
 where manifest_id = $1
 order by accepted_at, media_id

-- name: manifest
select manifests.*, destination_key,
       (select json_object_agg(state, n)
          from (select state, count(*) as n from proofs where proofs.manifest_id = manifests.manifest_id group by state)
               as counted) as counts
  from manifests join destinations using (destination_id)
 where manifest_id = $1

-- name: manifests
select manifests.*, destination_key,
       (select json_object_agg(state, n)
          from (select state, count(*) as n from proofs where proofs.manifest_id = manifests.manifest_id group by state)
               as counted) as counts
  from manifests join destinations using (destination_id)
 where manifests.organization_id = $1
   and ($2::date is null or day >= $2) and ($3::date is null or day <= $3)
 order by day, manifest_id
 limit $4

-- A recording that is gone without having ended was deleted. $1 now.
-- name: note_deleted
update proofs set state = 'deleted', ended_at = $1, listed = false
  from manifests
 where manifests.manifest_id = proofs.manifest_id and manifests.day < ($1::timestamptz at time zone 'UTC')::date
   and not proofs.listed and proofs.state = 'pending'
   and not exists (select from media where media.media_id = proofs.media_id)

-- Manifests of days that are over: when nothing of them is pending, once more when something has changed since,
-- and in any case when a whole schedule has passed. $1 now, $2 length of the operator's schedule in seconds.
-- name: due
with waiting as (
    select manifest_id, bool_or(state = 'pending') as pending
      from proofs where not listed group by manifest_id
)
select manifests.manifest_id, manifests.organization_id, manifests.callback, manifests.object_key, destination_key,
       coalesce((select max(number) from deliveries where deliveries.manifest_id = manifests.manifest_id), 0) + 1
           as number
  from waiting
  join manifests using (manifest_id)
  join destinations using (destination_id)
  left join delivery_settings on delivery_settings.organization_id = manifests.organization_id
 where manifests.day < ($1::timestamptz at time zone 'UTC')::date
   and (not waiting.pending
        or manifests.planned_at is null
           and $1 >= (manifests.day + 1)::timestamp at time zone 'UTC' + make_interval(secs => coalesce(
               (select sum(slot::float8)
                  from json_array_elements_text(convert_from(schedule, 'UTF8')::json -> 'slots_s') slots (slot)),
               $2::float8)))
   and not exists (select from deliveries
                    where deliveries.manifest_id = manifests.manifest_id and deliveries.state = 'pending')
 order by manifests.day, manifests.manifest_id
 limit 100
   for update of manifests skip locked

-- name: planned
update manifests set planned_at = $2 where manifest_id = any($1::uuid[])

-- name: list
with locked as materialized (
    select manifest_id, media_id from proofs
     where manifest_id = any($1::uuid[]) and state <> 'pending' and not listed
     order by media_id, manifest_id for no key update
)
update proofs set listed = true
  from locked
 where proofs.manifest_id = locked.manifest_id and proofs.media_id = locked.media_id

-- name: plan_again
select manifests.manifest_id, manifests.organization_id, manifests.callback, manifests.object_key, destination_key,
       coalesce((select max(number) from deliveries where deliveries.manifest_id = manifests.manifest_id), 0) + 1
           as number
  from manifests
  join destinations using (destination_id)
 where manifests.organization_id = $1 and manifests.manifest_id = $2
   and not exists (select from deliveries
                    where deliveries.manifest_id = manifests.manifest_id and deliveries.state = 'pending')
   for update of manifests

-- What nobody can ask for any more: the manifest is old, and its recordings are gone.
-- name: forget
delete from manifests
 where day < $1
   and not exists (select from proofs join media using (media_id) where proofs.manifest_id = manifests.manifest_id)
