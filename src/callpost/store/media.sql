-- name: insert
insert into media (media_id, organization_id, status, date_created, metadata, external_id, configuration,
                   configuration_read, media_url, original, file_name, content_type, warnings, time_to_live_s,
                   expected_length_ms, trace, filters)
values ($1, $2, 'accepted', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, filters_of($2, $4))

-- name: get
select media.*, organizations.name as organization_name
from media join organizations using (organization_id)
where organization_id = $1 and media_id = $2

-- name: get_any
select media.*, organizations.name as organization_name
from media join organizations using (organization_id)
where media_id = $1

-- part: found
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
  and ($9::text[] = '{}' or filters <> '{}' and filters @> $9)

-- name: oldest_first
{found}
order by date_created, media_id
limit $10

-- name: newest_first
{found}
order by date_created desc, media_id desc
limit $10

-- Written out, since the planner takes to the index only with queries that are constants to it.
-- part: matching
select media_id
from media_search
where organization_id = $1
  and (configuration = 'callpost_english' and words @@ to_tsquery('callpost_english', $11)
       or configuration = 'callpost_french' and words @@ to_tsquery('callpost_french', $11)
       or configuration = 'callpost_german' and words @@ to_tsquery('callpost_german', $11)
       or configuration = 'callpost_italian' and words @@ to_tsquery('callpost_italian', $11)
       or configuration = 'callpost_portuguese' and words @@ to_tsquery('callpost_portuguese', $11)
       or configuration = 'callpost_spanish' and words @@ to_tsquery('callpost_spanish', $11)
       or configuration = 'simple' and words @@ to_tsquery('simple', $11))

-- name: matching_oldest_first
with matching as materialized ({matching})
{found} and status = 'finished' and media_id in (select media_id from matching)
order by date_created, media_id
limit $10

-- name: matching_newest_first
with matching as materialized ({matching})
{found} and status = 'finished' and media_id in (select media_id from matching)
order by date_created desc, media_id desc
limit $10

-- name: declared
select coalesce((select array_agg(substr(field.name, length('extended.') + 1))
                 from definitions, json_array_elements_text(document -> 'fields') as field (name)
                 where organization_id = $1 and collection = 'search'), '{}')::text[]

-- name: filter_entries
select array_agg(filter_entry(path, value)) from unnest($1::text[], $2::text[]) as wanted (path, value)

-- name: for_vbql
select media_id
from media_search join media using (media_id, organization_id)
where organization_id = $1 and spoken is not null and status = 'finished'
  and ($2::text is null or spoken @@ $2::text::tsquery)
order by date_created desc, media_id desc
limit $3

-- name: get_many
select media.*, organizations.name as organization_name
from media join organizations using (organization_id)
where organization_id = $1 and media_id = any($2::uuid[])

-- name: set_running
update media
set status = 'running', starts = starts + 1,
    progress_step = case when progress_step = 'transcribing' then progress_step else 'started' end,
    progress_done = case when progress_step = 'transcribing' then progress_done else 0 end
where media_id = $1 and status not in ('finished', 'failed')
returning starts

-- name: give_back
update media
set status = 'scheduled', starts = starts - 1,
    progress_step = case when progress_step = 'transcribing' then progress_step else 'accepted' end,
    progress_done = case when progress_step = 'transcribing' then progress_done else 0 end
where media_id = $1 and status = 'running'

-- name: under_way
select true from media where media_id = $1 and runs = $2 and status not in ('finished', 'failed')
for share

-- name: set_advanced
update media set starts = 1
where media_id = $1 and runs = $2 and status not in ('finished', 'failed') and starts > 1

-- name: set_progress
update media
set progress_step = $2,
    progress_done = case when progress_step = $2 then greatest(progress_done, $3) else $3 end
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
    runs = runs + 1, expires_on = null, trace = $7, filters = filters_of($1, metadata)
where organization_id = $1 and media_id = $2 and status in ('finished', 'failed')

-- name: set_recognized
update media set length_ms = $2, recognized_in_ms = $3 where media_id = $1

-- name: set_original
update media set original = $2 where media_id = $1

-- name: set_metadata
update media set metadata = $3, external_id = $4, filters = filters_of($1, $3)
where organization_id = $1 and media_id = $2

-- name: source
select original, media_url from media where media_id = $1

-- name: trace
select trace from media where media_id = $1

-- name: configuration
select configuration_read from media where media_id = $1

-- Before the recording itself, as whoever settles its last delivery does.
-- name: lock_deliveries
select from deliveries where organization_id = $1 and media_id = $2 order by delivery_id for update

-- name: delete
delete from media where organization_id = $1 and media_id = $2

-- name: expired
select media_id, organization_id from media
where expires_on <= $1 and status in ('finished', 'failed')
  and not exists (select from deliveries where deliveries.media_id = media.media_id and state = 'pending')
order by expires_on
limit $2

-- name: unknown
select wanted.media_id from unnest($1::uuid[]) as wanted (media_id)
where not exists (select from media where media.media_id = wanted.media_id)
