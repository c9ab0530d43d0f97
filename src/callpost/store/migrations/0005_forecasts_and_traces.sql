-- How long an accepted recording is thought to be, by its size, until it is decoded; and how long its recognition took.
alter table media add column expected_length_ms bigint, add column recognized_in_ms bigint;
create index media_under_way on media (media_id) where status not in ('finished', 'failed');
create index media_recognized on media (date_finished) where recognized_in_ms > 0;

-- The W3C trace context (traceparent) in which a recording was accepted and a delivery planned; null: not traced.
alter table media add column trace text;
alter table deliveries add column trace text;

-- Who works on this database. A worker that has not said so for a while is gone.
create table workers (
    worker_id       uuid primary key,
    seen_at         timestamptz not null
);
