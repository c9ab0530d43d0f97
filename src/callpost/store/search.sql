-- name: put
insert into media_search (media_id, organization_id, configuration, words, spoken)
values ($1, $2, $3,
        to_tsvector($3::text::regconfig, $4)
        || setweight(to_tsvector($3::text::regconfig, $5), 'A')
        || setweight(to_tsvector($3::text::regconfig, $6), 'B'),
        array_to_tsvector($7::text[]))
on conflict (media_id) do update
set configuration = excluded.configuration, words = excluded.words, spoken = excluded.spoken

-- name: set_metadata
update media_search
set words = ts_filter(words, '{d}')
            || setweight(to_tsvector(configuration::regconfig, $2), 'A')
            || setweight(to_tsvector(configuration::regconfig, $3), 'B')
where media_id = $1

-- name: forget
delete from media_search where media_id = $1
