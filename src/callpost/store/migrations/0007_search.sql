-- Languages to search in. Every word counts, the most common ones too: "not working" is something to look for.
do $$
declare
    language text;
begin
    foreach language in array array['english', 'french', 'german', 'italian', 'portuguese', 'spanish'] loop
        execute format('create text search dictionary callpost_%1$s (template = snowball, language = %1$s)', language);
        execute format('create text search configuration callpost_%1$s (copy = pg_catalog.%1$s)', language);
        execute format('alter text search configuration callpost_%1$s'
                       ' alter mapping replace pg_catalog.%1$s_stem with callpost_%1$s', language);
    end loop;
end
$$;

-- What finished recordings can be found by: the words that were delivered, never those that were redacted.
create table media_search (
    media_id        uuid primary key references media on delete cascade,
    organization_id uuid not null references organizations,
    configuration   text not null,               -- of text search; not regconfig, which pg_upgrade refuses
    words           tsvector not null,           -- A: title, B: description, D: transcript
    spoken          tsvector                     -- the words as VBQL compares them; null: VBQL must not find it
);

-- No list of pending entries: every search would read all of it.
create index media_search_words on media_search using gin (words) with (fastupdate = off);
create index media_search_spoken on media_search using gin (spoken) with (fastupdate = off);

-- The values that an organization wants to filter its recordings by, as name=value.
alter table media add column filters text[] not null default '{}';
create index media_filters on media using gin (filters) where filters <> '{}';

create function filter_entry(name text, value text) returns text immutable language sql
    return left(name || '=' || value, 256);      -- an index has no room for more; the metadata have the last word

create function filters_of(organization uuid, metadata json) returns text[] stable language plpgsql as $$
begin
    if not exists (select from definitions where organization_id = organization and collection = 'search') then
        return '{}';
    end if;
    return (
        select coalesce(array_agg(filter_entry(field.name, field.value)), '{}')
        from definitions,
             json_array_elements_text(definitions.document -> 'fields') as declared (name),
             lateral (select substr(declared.name, length('extended.') + 1) as name) as below,
             lateral (select below.name,
                             metadata -> 'extended' #>> string_to_array(below.name, '.') as value) as field
        where organization_id = organization and collection = 'search' and field.value is not null);
end
$$;
