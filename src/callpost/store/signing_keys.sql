-- name: newest
select key_id, private_key from signing_keys order by created_at desc, key_id limit 1

-- Two processes that start at once must end with the same key.
-- name: lock
lock table signing_keys in share row exclusive mode

-- name: insert
insert into signing_keys (key_id, private_key, created_at) values ($1, $2, $3)

-- name: all
select key_id, private_key from signing_keys order by created_at desc, key_id
