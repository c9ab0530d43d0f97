-- name: insert
insert into media (media_id, organization_id, status, date_created, metadata, external_id, configuration,
                   configuration_read, media_url, original, file_name, content_type, warnings, time_to_live_s,
                   expected_length_ms, trace)
values ($1, $2, 'accepted', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)

-- name: get
select media.*, organizations.name as organization_name
from media join organizations using (organization_id)
where organization_id = $1 and media_id = $2

-- name: get_any
select media.*, organizations.name as organization_name
from media join organizations using (organization_id)
where media_id = $1

-- name: oldest_first
select media.*, organizations.name as organization_name
from media join organizations using (organization_id)
where organization_id = $1
  and ($2::text is null or external_id = $2)
  and ($3::uuid is null or (date_created, media_id)
       > (select date_created, media_id from media where organization_id = $1 and media_id = $3))
  and ($4::uuid is null or (date_created, media_id)
       < (select date_created, media_id from media where organization_id = $1 and media_id = $4))
  and ($5::timestamptz is null or date_created >= $5)
  and ($6::timestamptz is null or date_created < $6)
  and not exists (
      select from unnest($7::text[], $8::text[]) as wanted (path, value)
      where metadata -> 'extended' #>> string_to_array(wanted.path, '.') is distinct from wanted.value)
order by date_created, media_id
limit $9

-- name: newest_first
select media.*, organizations.name as organization_name
from media join organizations using (organization_id)
where organization_id = $1
  and ($2::text is null or external_id = $2)
  and ($3::uuid is null or (date_created, media_id)
       > (select date_created, media_id from media where organization_id = $1 and media_id = $3))
  and ($4::uuid is null or (date_created, media_id)
       < (select date_created, media_id from media where organization_id = $1 and media_id = $4))
  and ($5::timestamptz is null or date_created >= $5)
  and ($6::timestamptz is null or date_created < $6)
  and not exists (
      select from unnest($7::text[], $8::text[]) as wanted (path, value)
      where metadata -> 'extended' #>> string_to_array(wanted.path, '.') is distinct from wanted.value)
order by date_created desc, media_id desc
limit $9

-- name: set_running
update media set status = 'running', progress_step = 'started', progress_done = 0, starts = starts + 1
where media_id = $1 and status not in ('finished', 'failed')
returning starts

-- name: give_back
update media set status = 'scheduled', progress_step = 'accepted', progress_done = 0, starts = starts - 1
where media_id = $1 and status = 'running'

-- name: set_progress
update media set progress_step = $2, progress_done = $3
where media_id = $1 and status = 'running'

-- name: progress
select progress_step, progress_done from media where media_id = $1

-- name: run
select runs from media where media_id = $1

-- name: end
update media
set status = $2, date_finished = $3, length_ms = $4, content_type = $5, errors = $6, warnings = $7,
    progress_step = $2, progress_done = 1, expires_on = null
where media_id = $1 and runs = $8 and status not in ('finished', 'failed')

-- name: accept_again
update media
set status = 'accepted', date_finished = null, configuration = $3, configuration_read = $4, warnings = $5,
    time_to_live_s = $6, errors = '[]', progress_step = 'accepted', progress_done = 0, starts = 0,
    runs = runs + 1, expires_on = null, trace = $7
where organization_id = $1 and media_id = $2 and status in ('finished', 'failed')

-- name: set_recognized
update media set length_ms = $2, recognized_in_ms = $3 where media_id = $1

-- name: set_original
update media set original = $2 where media_id = $1

-- name: set_metadata
update media set metadata = $3, external_id = $4
where organization_id = $1 and media_id = $2

-- name: source
select original, media_url from media where media_id = $1

-- name: trace
select trace from media where media_id = $1

-- name: configuration
select configuration_read from media where media_id = $1

-- name: delete
delete from media where organization_id = $1 and media_id = $2

-- name: start_time_to_live
update media set expires_on = $2::timestamptz + make_interval(secs => time_to_live_s)
where media_id = $1 and time_to_live_s is not null

-- A replay may still wait for what has expired meanwhile.
-- name: expired
select media_id, organization_id from media
where expires_on <= $1 and status in ('finished', 'failed')
  and not exists (select from deliveries where deliveries.media_id = media.media_id and state = 'pending')
order by expires_on
limit $2

-- name: unknown
select wanted.media_id from unnest($1::uuid[]) as wanted (media_id)
where not exists (select from media where media.media_id = wanted.media_id)
