-- name: seen
insert into workers (worker_id, seen_at) values ($1, $2)
on conflict (worker_id) do update set seen_at = excluded.seen_at

-- name: gone
delete from workers where worker_id = $1

-- name: forget
delete from workers where seen_at < $1

-- name: alive
select count(*) from workers where seen_at >= $1

-- What is not recognised yet, and how that went with the last recordings. $1 milliseconds that a
-- recording counts for of which nothing is known, before there were any; $2 how many of the last recordings count.
-- name: backlog
select (select coalesce(sum(coalesce(length_ms, expected_length_ms, usual.length_ms, $1::bigint)
                            * case when progress_step = 'transcribing' then 1 - progress_done
                                   when progress_step in ('accepted', 'started') then 1
                                   else 0 end), 0)::float8
          from media where status not in ('finished', 'failed') and runs = 1) as waiting_ms,
       usual.speed, usual.length_ms
  from (select percentile_cont(0.5) within group (order by length_ms::float8 / recognized_in_ms) as speed,
               percentile_cont(0.5) within group (order by length_ms) as length_ms
          from (select length_ms, recognized_in_ms from media
                 where recognized_in_ms > 0 and length_ms > 0 and date_finished is not null
                 order by date_finished desc limit $2) as recent) as usual
