-- Which processing of the recording this is; those after the first begin with the transcript of the one before.
alter table media add column runs integer not null default 1;
