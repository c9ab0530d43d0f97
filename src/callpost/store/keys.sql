-- name: insert
insert into keys (key_id, organization_id, name, kind, token_hash, last_six, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: find
select keys.*, organizations.name as organization_name, organizations.created_at as organization_created_at
from keys join organizations using (organization_id)
where token_hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)

-- name: of_organization
select * from keys where organization_id = $1 and revoked_at is null order by created_at, key_id

-- name: get
select * from keys where organization_id = $1 and key_id = $2 and revoked_at is null

-- name: revoke
update keys set revoked_at = $3 where organization_id = $1 and key_id = $2 and revoked_at is null
