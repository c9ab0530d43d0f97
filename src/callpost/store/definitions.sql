-- name: put
insert into definitions (organization_id, collection, name, document, changed_at)
values ($1, $2, $3, $4, $5)
on conflict (organization_id, collection, name) do update
set document = excluded.document, changed_at = excluded.changed_at

-- name: all
select name, document from definitions where organization_id = $1 and collection = $2 order by name

-- name: named
select name, document from definitions
where organization_id = $1 and collection = $2 and name = any($3::text[])

-- name: delete
delete from definitions where organization_id = $1 and collection = $2 and name = $3
