-- Classifiers that an organization trains. What a name means changes with each training; what a version means, never.
create table classifiers (
    classifier_id   uuid primary key,
    organization_id uuid not null references organizations,
    name            text not null,
    created_at      timestamptz not null
);

create unique index classifiers_by_name on classifiers (organization_id, lower(name));

create table classifier_versions (
    training_id     uuid primary key,            -- what the job of its training is about
    classifier_id   uuid not null references classifiers on delete cascade,
    version         integer not null,
    display_name    text not null,
    description     text not null,
    state           text not null default 'training',  -- then 'ready' or 'failed'
    starts          integer not null default 0,  -- how often training began
    example_count   integer not null,
    examples        bytea,                       -- model.Example in msgspec JSON; gone when training has ended
    created_at      timestamptz not null,
    ended_at        timestamptz,
    evaluation      bytea,                       -- model.Evaluation in msgspec JSON
    model           bytea,                       -- analysis.text_model
    problems        json not null default '[]',
    unique (classifier_id, version)
);
