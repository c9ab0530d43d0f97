-- Receipts and manifests in customers' buckets are deliveries: docs/decisions/0005-receipts-are-deliveries.md.
alter table media add column receipts boolean not null default false;

-- What was accepted on one day for one folder, in whose bucket the list is to lie once the day is over.
create table manifests (
    manifest_id     uuid primary key,
    organization_id uuid not null references organizations,
    destination_id  bigint not null references destinations,
    day             date not null,
    folder          text not null,               -- s3://bucket/prefix
    callback        bytea not null,              -- model.Callback in msgspec JSON: whose role writes there
    object_key      text not null,
    planned_at      timestamptz,                 -- when it was last to be delivered
    unique (destination_id, object_key)
);

create index manifests_by_day on manifests (organization_id, day, manifest_id);

-- One recording in a manifest. It outlives the recording, whose time to live may be shorter than the day.
create table proofs (
    manifest_id     uuid not null references manifests on delete cascade,
    media_id        uuid not null,
    run             integer not null,            -- the processing that is accounted for
    after_number    integer not null,            -- of the last delivery before that processing
    callback        bytea not null,              -- model.Callback in msgspec JSON, as above
    object_key      text not null,               -- of the recording's receipts
    accepted_at     timestamptz not null,
    state           text not null default 'pending',
    ended_at        timestamptz,
    account         bytea,                       -- model.Account in msgspec JSON, once all deliveries have ended
    listed          boolean not null default false, -- in a manifest that was planned, as it stands here
    primary key (manifest_id, media_id)
);

create index proofs_of_media on proofs (media_id);
create index proofs_to_list on proofs (manifest_id) where not listed;

-- A manifest is of no single recording.
alter table deliveries alter column media_id drop not null;
alter table deliveries add column kind text not null default 'result';
alter table deliveries add column manifest_id uuid references manifests on delete cascade;
alter table deliveries add constraint deliveries_of_one_thing
    check ((kind = 'manifest') = (manifest_id is not null) and (media_id is null) = (manifest_id is not null));
create unique index deliveries_of_manifest on deliveries (manifest_id, number) where manifest_id is not null;
