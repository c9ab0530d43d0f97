-- name: first
select organization_id, name, created_at from organizations order by created_at, organization_id limit 1

-- name: insert_first
insert into organizations (organization_id, name, link_key)
select $1, $2, $3
where not exists (select from organizations)

-- name: one_at_a_time
lock table organizations in share row exclusive mode

-- name: link_key
select link_key from organizations where organization_id = $1

-- name: get
select organization_id, name, created_at from organizations where organization_id = $1
