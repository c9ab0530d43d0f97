-- name: ensure
insert into classifiers (classifier_id, organization_id, name, created_at)
values ($1, $2, $3, $4)
on conflict (organization_id, lower(name)) do update set name = excluded.name
returning classifier_id

-- name: begin
insert into classifier_versions (training_id, classifier_id, version, display_name, description, example_count,
                                 examples, created_at)
select $1::uuid, $2::uuid, coalesce(max(version), 0) + 1, $3::text, $4::text, $5::integer, $6::bytea, $7::timestamptz
from classifier_versions where classifier_id = $2

-- name: start
update classifier_versions set starts = starts + 1
from classifiers
where training_id = $1 and state = 'training' and classifiers.classifier_id = classifier_versions.classifier_id
returning starts, examples, organization_id

-- name: finish
update classifier_versions set state = 'ready', ended_at = $2, evaluation = $3, model = $4, examples = null
where training_id = $1 and state = 'training'

-- name: fail
update classifier_versions set state = 'failed', ended_at = $2, problems = $3, examples = null
where training_id = $1 and state = 'training'

-- name: latest
select distinct on (lower(name)) name, classifier_id, training_id, version, display_name, description, state,
       example_count, classifier_versions.created_at, ended_at, evaluation, problems
from classifiers join classifier_versions using (classifier_id)
where organization_id = $1
order by lower(name), (state = 'ready') desc, version desc

-- name: versions
select classifiers.name, classifier_id, training_id, version, display_name, description, state,
       example_count, classifier_versions.created_at, ended_at, evaluation, problems
from classifiers join classifier_versions using (classifier_id)
where organization_id = $1 and (lower(name) = lower($2) or classifier_id::text = lower($2))
order by version desc

-- name: training
select classifiers.name, classifier_id, training_id, version, display_name, description, state,
       example_count, classifier_versions.created_at, ended_at, evaluation, problems
from classifiers join classifier_versions using (classifier_id)
where training_id = $1

-- name: ready
select classifier_id, name, display_name, version
from classifiers join classifier_versions using (classifier_id)
where organization_id = $1 and state = 'ready'
  and exists (select from unnest($2::text[]) as wanted (name)
              where lower(wanted.name) in (lower(classifiers.name), classifier_id::text))
order by name, version desc

-- name: models
select classifier_id, version, model
from classifier_versions
join unnest($1::uuid[], $2::integer[]) as wanted (classifier_id, version) using (classifier_id, version)
where state = 'ready'

-- name: delete
delete from classifiers where organization_id = $1 and (lower(name) = lower($2) or classifier_id::text = lower($2))

-- name: statuses
select media_id, status from media where organization_id = $1 and media_id = any($2::uuid[])
