-- Who calls, beyond what a token says: keys, people of Open WebUI, directories with settings of their own, and limits.

-- What a directory says beside its issuer and keys: accepted forms, client applications, Graph.
alter table portcullis.directory
	add column settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object');

alter table portcullis.workspace
	add column rate_limits jsonb not null default '{}' check (jsonb_typeof(rate_limits) = 'object');
grant update (rate_limits) on portcullis.workspace to portcullis_app;

-- Keys were never made before this version. The digest is all that is kept of one; `prefix` tells people which it is.
alter table portcullis.api_key
	add column kind text not null check (kind in ('personal', 'service', 'open-webui')),
	add column name text not null check (length(name) between 1 and 200),
	-- Whose key it is: of personal ones alone.
	add column issuer text,
	add column tid text,
	add column oid text,
	-- Slugs of the servers it is for; NULL: all of the workspace.
	add column servers text[],
	-- Networks it may come from, as CIDR; NULL: any.
	add column networks text[],
	-- Of a key of Open WebUI: which instance, and how far its word goes.
	add column settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
	add column created_by text not null default '',
	add column last_used_at timestamptz,
	add constraint owned check ((kind = 'personal') = (issuer is not null and tid is not null and oid is not null));

-- Who somebody of an Open WebUI instance is in the directory: by the id the instance gave them or, where an administrator
-- said so, by their e-mail address there.
create table portcullis.open_webui_link (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	id uuid not null default gen_random_uuid(),
	instance portcullis.slug not null,
	subject text check (length(subject) between 1 and 256),
	email text check (email = lower(email) and length(email) between 3 and 320),
	issuer text not null,
	tid text not null,
	oid text not null,
	name text not null default '',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, id),
	unique (workspace_id, instance, subject),
	unique (workspace_id, instance, email),
	check ((subject is null) <> (email is null))
);

-- What is left of each limit. Nothing that has to survive a crash of the database: a bucket that is gone is a full one.
create unlogged table portcullis.rate_bucket (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	key text not null check (length(key) between 1 and 1024),
	tokens double precision not null,
	at timestamptz not null default clock_timestamp(),
	-- What processes hold of it, and until when (milliseconds since 1970), by process: [tokens, until].
	leases jsonb not null default '{}' check (jsonb_typeof(leases) = 'object'),
	primary key (workspace_id, key)
);

do $$
declare
	name text;
	event text;
begin
	foreach name in array array['open_webui_link', 'rate_bucket'] loop
		execute format('alter table portcullis.%I enable row level security', name);
		execute format('alter table portcullis.%I force row level security', name);
		execute format(
			'create policy own_workspace on portcullis.%I for all to portcullis_app
				using (workspace_id = (select portcullis.app_workspace()))
				with check (workspace_id = (select portcullis.app_workspace()))',
			name
		);
	end loop;
	foreach name in array array['open_webui_link', 'api_key'] loop
		foreach event in array array['insert', 'delete'] loop
			execute format(
				'create trigger touch_%s after %s on portcullis.%I referencing %s table as changed
					for each statement execute function portcullis.touch_workspaces()',
				event, event, name, case event when 'delete' then 'old' else 'new' end
			);
		end loop;
	end loop;
end $$;

create trigger count_version before update on portcullis.open_webui_link
	for each row execute function portcullis.count_version();
create trigger touch_update after update on portcullis.open_webui_link referencing new table as changed
	for each statement execute function portcullis.touch_workspaces();

-- That a key was used is no change of it. (Transition tables allow no list of columns, so each row tells.)
drop trigger count_version on portcullis.api_key;
create function portcullis.count_key_version() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	new.version := old.version + 1;
	new.updated_at := now();
	return new;
end $$;
create trigger count_version before update of level, expires_at, kind, name, servers, networks, settings
	on portcullis.api_key for each row execute function portcullis.count_key_version();
create function portcullis.touch_workspace_of_key() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	update portcullis.workspace set config_version = config_version + 1 where workspace_id = new.workspace_id;
	return null;
end $$;
create trigger touch_update after update of level, expires_at, kind, name, servers, networks, settings
	on portcullis.api_key for each row execute function portcullis.touch_workspace_of_key();

grant select, insert, update, delete on portcullis.open_webui_link, portcullis.rate_bucket to portcullis_app;

-- Limits are settings of the workspace like its title.
create or replace function portcullis.count_workspace_version() returns trigger
	language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if (new.slug, new.title, new.audit_mode, new.managed_by, new.rate_limits) is distinct from
		(old.slug, old.title, old.audit_mode, old.managed_by, old.rate_limits) then
		new.version := old.version + 1;
		new.updated_at := now();
		new.config_version := old.config_version + 1;
	end if;
	return new;
end $$;

-- As before, but where several processes begin at once, the one that comes second finds the month there: what it knew of
-- the catalogue when it began to wait is not looked up again.
create or replace function portcullis.ensure_audit_month(month date) returns void
	language plpgsql security definer
	set search_path = pg_catalog, pg_temp
	as $$
declare
	first date := date_trunc('month', month)::date;
	name text := 'audit_event_' || to_char(month, 'YYYY_MM');
begin
	if to_regclass('portcullis.' || name) is not null then return; end if;
	perform pg_advisory_xact_lock(hashtext('portcullis audit month'));
	if to_regclass('portcullis.' || name) is not null then return; end if;
	execute format(
		'create table portcullis.%I partition of portcullis.audit_event for values from (%L) to (%L)',
		name, first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00'
	);
	perform portcullis.protect_audit(name);
exception
	when check_violation or duplicate_table then return;
end $$;

revoke all on all functions in schema portcullis from public;
