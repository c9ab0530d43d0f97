-- What an organization keeps under names, for its configurations to refer to.
create table definitions (
    organization_id uuid not null references organizations,
    collection      text not null,               -- 'spotting' or 'vocabularies'
    name            text not null,
    document        json not null,               -- as it is shown
    changed_at      timestamptz not null,
    primary key (organization_id, collection, name)
);
