-- The whole of what is kept, apart from recordings and reports (object store) and processing jobs (pgqueuer).

create table organizations (
    organization_id uuid primary key,
    name            text not null,
    link_key        bytea not null,              -- signs links to audio
    created_at      timestamptz not null default now()
);

create table keys (
    key_id          uuid primary key,
    organization_id uuid not null references organizations,
    name            text not null,
    kind            text not null,               -- 'user': manages keys; 'api': made by a user token, short-lived
    token_hash      bytea not null unique,       -- sha256 of the bearer token; the token itself is never kept
    last_six        text not null,               -- of the token, to tell keys apart
    created_at      timestamptz not null default now(),
    expires_at      timestamptz,
    revoked_at      timestamptz
);

create table media (
    media_id        uuid primary key,
    organization_id uuid not null references organizations,
    status          text not null,
    date_created    timestamptz not null,
    date_finished   timestamptz,
    metadata        json not null,               -- json, not jsonb: echoed as it came
    external_id     text,
    configuration   json not null,               -- as it came, to process again
    configuration_read bytea not null,           -- model.Configuration in msgspec JSON
    media_url       text,                        -- set while the recording is still to be fetched
    original        bytea,                       -- model.Stream in msgspec JSON, once the bytes are stored
    file_name       text,
    content_type    text,
    length_ms       bigint,
    progress_step   text not null default 'accepted',
    progress_done   real not null default 0,
    starts          integer not null default 0,  -- how often processing began, give-backs not counted
    errors          json not null default '[]',
    warnings        json not null default '[]',
    time_to_live_s  integer,
    expires_on      timestamptz
);

create index media_by_date on media (organization_id, date_created, media_id);
create index media_by_external_id on media (organization_id, external_id) where external_id is not null;
create index media_to_expire on media (expires_on) where expires_on is not null;

-- Where an organization's deliveries go; what is known of its health is shared by all workers.
create table destinations (
    destination_id  bigint generated always as identity primary key,
    organization_id uuid not null references organizations,
    destination_key text not null,
    concurrency     integer,                     -- requests at a time, null: the operator's default
    paused_at       timestamptz,
    failures        integer not null default 0,  -- in a row, since the last success
    failing_since   timestamptz,
    trips           integer not null default 0,  -- how often it was closed since then
    closed_until    timestamptz,                 -- nothing goes out before
    unique (organization_id, destination_key)
);

-- How an organization wants its deliveries made.
create table delivery_settings (
    organization_id uuid primary key references organizations,
    schedule        bytea,                       -- model.RetrySchedule in msgspec JSON, null: the operator's
    webhook_secrets bytea[] not null default '{}' -- newest first; two while one gives way to the next
);

-- What receipts are signed with; the newest signs, the older ones still prove.
create table signing_keys (
    key_id          uuid primary key,
    private_key     bytea not null,              -- Ed25519, raw
    created_at      timestamptz not null
);

-- A pending delivery is waiting while lease_until is null, and under way while it is not.
create table deliveries (
    delivery_id     uuid primary key,
    media_id        uuid not null references media on delete cascade,
    organization_id uuid not null references organizations,
    destination_id  bigint not null references destinations,
    number          integer not null,
    callback        bytea not null,              -- model.Callback in msgspec JSON; holds secrets
    content_type    text,
    object_key      text,
    state           text not null default 'pending',
    due_at          timestamptz not null,
    first_due_at    timestamptz not null,
    lease_until     timestamptz,
    claimed_at      timestamptz,
    claimed_by      uuid,
    tries           integer not null default 0,  -- attempts that counted
    attempts        integer not null default 0,  -- all of them; the next one's number fences a lost lease off
    created_at      timestamptz not null,
    ended_at        timestamptz,
    receipt         bytea,                       -- model.Receipt in msgspec JSON
    reason          text,
    replay_of       uuid,
    unique (media_id, number)
);

create index deliveries_due on deliveries (destination_id, due_at) where state = 'pending' and lease_until is null;
create index deliveries_leased on deliveries (destination_id) where state = 'pending' and lease_until is not null;
create index deliveries_by_date on deliveries (organization_id, created_at, delivery_id);

create table attempts (
    delivery_id     uuid not null references deliveries on delete cascade,
    number          integer not null,
    started_at      timestamptz not null,
    duration_ms     integer not null,
    outcome         text not null,
    status          integer,
    reason          text not null default '',
    excerpt         text not null default '',
    remedy          text not null default '',
    primary key (delivery_id, number)
);
