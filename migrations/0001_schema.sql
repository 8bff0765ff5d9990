-- Everything a gateway keeps. Read the rules first; src/store/catalogue-faults.ts holds every table to them, at each start
-- of a gateway and in the tests.
--
--   * Each row belongs to a workspace and says so in its primary key, unique keys and foreign keys: a key without the
--     workspace would tell one workspace what another has (a duplicate is an answer), and foreign keys are checked
--     without regard to row-level security.
--   * portcullis_app sees one workspace, the one its transaction names; it owns nothing. portcullis_platform sees what
--     crosses workspaces by necessity: which there are, and the platform's own tables. Nobody bypasses the policies,
--     the owner included (FORCE).
--   * Platform tables: directory, platform_admin_rule, platform_setting, signing_key, migration. The audit of the platform
--     itself has the nil workspace, which no workspace can have.
--
-- The roles exist before this runs (portcullis migrate sees to it). Names carry their schema, so nothing depends on a
-- search_path, which a transaction pooler would not keep. Functions name theirs, with pg_temp last: left out, it would
-- come first, and whoever may make a temporary type called date would run his own code in a function that says date.

revoke all on schema portcullis from public;
grant usage on schema portcullis to portcullis_app, portcullis_platform;

-- Unset is NULL; after a transaction that had set it locally it is the empty text. Both see nothing. The nil workspace
-- is the platform's and is nobody's context.
create function portcullis.app_workspace() returns uuid
	language sql stable parallel safe
	set search_path = pg_catalog, pg_temp
	as $$
		select nullif(
			nullif(current_setting('app.workspace_id', true), '')::uuid,
			'00000000-0000-0000-0000-000000000000'::uuid
		)
	$$;

-- The workspace whose records the platform may take away in this transaction; its own it may not.
create function portcullis.erased_workspace() returns uuid
	language sql stable parallel safe
	set search_path = pg_catalog, pg_temp
	as $$
		select nullif(
			nullif(current_setting('app.erased_workspace', true), '')::uuid,
			'00000000-0000-0000-0000-000000000000'::uuid
		)
	$$;

-- Levels, claims and slugs are the same everywhere.
create domain portcullis.access_level as text check (value in ('read', 'write', 'admin'));
create domain portcullis.manager as text check (value in ('api', 'file'));
create domain portcullis.slug as text check (value ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$');

create table portcullis.workspace (
	workspace_id uuid primary key default gen_random_uuid(),
	slug portcullis.slug not null unique,
	title text not null check (length(title) between 1 and 200),
	-- strict: no record, no call. best-effort: the call goes on and the gap is counted.
	audit_mode text not null default 'strict' check (audit_mode in ('strict', 'best-effort')),
	managed_by portcullis.manager not null default 'api',
	-- Of this row, for If-Match.
	version integer not null default 1,
	-- Of everything a snapshot of the workspace holds.
	config_version bigint not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	check (workspace_id <> '00000000-0000-0000-0000-000000000000')
);

create table portcullis.grant_rule (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	id uuid not null default gen_random_uuid(),
	-- Id of the directory the rule is about; NULL while there is only one.
	directory text,
	claim text not null check (claim in ('group', 'role')),
	value text not null check (length(value) between 1 and 512),
	level portcullis.access_level not null,
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, id),
	unique nulls not distinct (workspace_id, directory, claim, value)
);

-- People named one by one. An identity is (issuer, tid, oid); the name is for display.
create table portcullis.membership (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	issuer text not null check (length(issuer) between 1 and 512),
	tid text not null check (length(tid) between 1 and 128),
	oid text not null check (length(oid) between 1 and 128),
	name text not null default '' check (length(name) <= 256),
	level portcullis.access_level not null,
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, issuer, tid, oid)
);

create table portcullis.server (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	id uuid not null default gen_random_uuid(),
	slug portcullis.slug not null,
	title text check (length(title) between 1 and 200),
	transport text not null check (transport in ('http', 'sse', 'stdio', 'openapi')),
	-- Address and header templates, or program, arguments and variables, as the configuration file writes them.
	-- Secrets stand here by reference only.
	endpoint jsonb not null check (jsonb_typeof(endpoint) = 'object'),
	era text not null default 'auto' check (era in ('auto', 'modern', 'legacy')),
	isolation text not null default 'shared' check (isolation in ('shared', 'principal', 'session')),
	client_features text[],
	limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
	tools_default text not null default 'enabled' check (tools_default in ('enabled', 'disabled')),
	enabled boolean not null default true,
	catalogue_id text,
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, id),
	unique (workspace_id, slug)
);

create table portcullis.tool_rule (
	workspace_id uuid not null,
	server_id uuid not null,
	-- The server's own name of the tool.
	tool text not null check (length(tool) between 1 and 256),
	-- NULL: as the server's tools_default says.
	enabled boolean,
	minimum_level portcullis.access_level not null default 'read',
	readable boolean not null default false,
	description text check (length(description) between 1 and 8192),
	definition_digest text check (definition_digest ~ '^[0-9a-f]{64}$'),
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, server_id, tool),
	foreign key (workspace_id, server_id) references portcullis.server (workspace_id, id) on delete cascade
);

create table portcullis.toolset (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	id uuid not null default gen_random_uuid(),
	slug portcullis.slug not null,
	title text check (length(title) between 1 and 200),
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, id),
	unique (workspace_id, slug)
);

create table portcullis.toolset_tool (
	workspace_id uuid not null,
	toolset_id uuid not null,
	server_id uuid not null,
	tool text not null check (length(tool) between 1 and 256),
	primary key (workspace_id, toolset_id, server_id, tool),
	foreign key (workspace_id, toolset_id) references portcullis.toolset (workspace_id, id) on delete cascade,
	foreign key (workspace_id, server_id) references portcullis.server (workspace_id, id) on delete cascade
);

create table portcullis.credential (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	id uuid not null default gen_random_uuid(),
	server_id uuid not null,
	owner text not null check (owner in ('workspace', 'principal')),
	issuer text,
	tid text,
	oid text,
	kind text not null,
	sealed bytea not null,
	key_id text not null,
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, id),
	foreign key (workspace_id, server_id) references portcullis.server (workspace_id, id) on delete cascade,
	check ((owner = 'principal') = (oid is not null and tid is not null and issuer is not null))
);

create table portcullis.oauth_registration (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	issuer text not null,
	client_id text not null,
	sealed bytea,
	key_id text,
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, issuer)
);

create table portcullis.oauth_pending (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	state_digest bytea not null,
	server_id uuid not null,
	sealed bytea not null,
	key_id text not null,
	expires_at timestamptz not null,
	primary key (workspace_id, state_digest),
	foreign key (workspace_id, server_id) references portcullis.server (workspace_id, id) on delete cascade
);

create table portcullis.api_key (
	workspace_id uuid not null references portcullis.workspace on delete cascade,
	id uuid not null default gen_random_uuid(),
	digest bytea not null,
	prefix text not null,
	level portcullis.access_level not null,
	expires_at timestamptz,
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	primary key (workspace_id, id),
	unique (workspace_id, digest)
);

-- An answer that was given to a request with this key, so that the request can be sent again (24 hours).
create table portcullis.idempotency_key (
	workspace_id uuid not null,
	principal text not null,
	key text not null check (length(key) between 1 and 255),
	request_digest bytea not null,
	status integer not null,
	answer text not null,
	created_at timestamptz not null default now(),
	primary key (workspace_id, principal, key)
);

-- Append-only: whoever writes may neither change nor remove. `line` is the record as it was kept first, and what
-- the chain is made over; the columns are there to search by.
create table portcullis.audit_event (
	workspace_id uuid not null,
	at timestamptz not null,
	seq bigint not null,
	request text not null,
	kind text not null,
	issuer text,
	tid text,
	oid text,
	method text,
	server text,
	tool text,
	outcome text,
	code text,
	duration_ms integer,
	line text not null,
	-- sha256 (hash of seq - 1, line)
	hash bytea not null,
	primary key (workspace_id, at, seq),
	-- A record that is delivered twice is kept once.
	unique (workspace_id, at, request, kind)
) partition by range (at);

create table portcullis.audit_event_default partition of portcullis.audit_event default;

create index audit_event_seq on portcullis.audit_event (workspace_id, seq);
create index audit_event_request on portcullis.audit_event (workspace_id, request);
create index audit_event_person on portcullis.audit_event (workspace_id, oid, at);

-- Where the chain of a workspace ends.
create table portcullis.audit_chain (
	workspace_id uuid primary key,
	seq bigint not null,
	hash bytea not null
);

create table portcullis.usage_hour (
	workspace_id uuid not null,
	hour timestamptz not null,
	server text not null,
	tool text not null,
	calls bigint not null default 0,
	errors bigint not null default 0,
	refusals bigint not null default 0,
	duration_ms bigint not null default 0,
	primary key (workspace_id, hour, server, tool)
);

create table portcullis.directory (
	id portcullis.slug primary key,
	issuer text not null,
	tenant_id text not null,
	audiences text[] not null check (cardinality(audiences) > 0),
	jwks_url text not null,
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	-- `{tid}` in an issuer stands for the Entra tenant.
	unique (issuer, tenant_id)
);

-- Grants for every workspace at once; `admin` is the platform administrator.
create table portcullis.platform_admin_rule (
	id uuid primary key default gen_random_uuid(),
	directory text,
	claim text not null check (claim in ('group', 'role')),
	value text not null check (length(value) between 1 and 512),
	level portcullis.access_level not null,
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now(),
	unique nulls not distinct (directory, claim, value)
);

-- One row: public names and limits, as the configuration file writes them.
create table portcullis.platform_setting (
	sole boolean primary key default true check (sole),
	settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
	managed_by portcullis.manager not null default 'api',
	version integer not null default 1,
	config_version bigint not null default 1,
	created_at timestamptz not null default now(),
	updated_at timestamptz not null default now()
);
insert into portcullis.platform_setting default values;

create table portcullis.signing_key (
	id uuid primary key default gen_random_uuid(),
	purpose text not null,
	sealed bytea not null,
	key_id text not null,
	created_at timestamptz not null default now(),
	retired_at timestamptz
);

-- Row-level security. For each table, role and command one permissive policy: two would be ORed.
do $$
declare
	name text;
begin
	foreach name in array array[
		'workspace', 'grant_rule', 'membership', 'server', 'tool_rule', 'toolset', 'toolset_tool', 'credential',
		'oauth_registration', 'oauth_pending', 'api_key', 'idempotency_key', 'audit_chain', 'usage_hour', 'directory',
		'platform_admin_rule', 'platform_setting', 'signing_key', 'migration'
	] loop
		execute format('alter table portcullis.%I enable row level security', name);
		execute format('alter table portcullis.%I force row level security', name);
	end loop;
	foreach name in array array[
		'workspace', 'grant_rule', 'membership', 'server', 'tool_rule', 'toolset', 'toolset_tool', 'credential',
		'oauth_registration', 'oauth_pending', 'api_key', 'idempotency_key', 'audit_chain', 'usage_hour'
	] loop
		execute format(
			'create policy own_workspace on portcullis.%I for all to portcullis_app
				using (workspace_id = (select portcullis.app_workspace()))
				with check (workspace_id = (select portcullis.app_workspace()))',
			name
		);
	end loop;
	foreach name in array array['workspace', 'directory', 'platform_admin_rule', 'platform_setting', 'signing_key'] loop
		execute format(
			'create policy platform on portcullis.%I for all to portcullis_platform using (true) with check (true)',
			name
		);
	end loop;
	-- The platform writes what is its own, and takes away what is of a workspace that goes.
	foreach name in array array['audit_chain', 'idempotency_key', 'usage_hour'] loop
		execute format(
			'create policy platform_write on portcullis.%I for insert to portcullis_platform
				with check (workspace_id = ''00000000-0000-0000-0000-000000000000'')',
			name
		);
		execute format(
			'create policy platform_change on portcullis.%I for update to portcullis_platform
				using (workspace_id = ''00000000-0000-0000-0000-000000000000'')
				with check (workspace_id = ''00000000-0000-0000-0000-000000000000'')',
			name
		);
	end loop;
	foreach name in array array['audit_chain', 'idempotency_key'] loop
		execute format(
			'create policy platform_read on portcullis.%I for select to portcullis_platform
				using (workspace_id in (
					''00000000-0000-0000-0000-000000000000'', (select portcullis.erased_workspace())
				))',
			name
		);
	end loop;
end $$;

create policy platform_erase on portcullis.audit_chain for delete to portcullis_platform
	using (workspace_id = (select portcullis.erased_workspace()));
create policy platform_erase on portcullis.idempotency_key for delete to portcullis_platform
	using (workspace_id in ('00000000-0000-0000-0000-000000000000', (select portcullis.erased_workspace())));
-- Sums only: the platform reads them all, and drops those that are old.
create policy platform_read on portcullis.usage_hour for select to portcullis_platform using (true);
create policy platform_erase on portcullis.usage_hour for delete to portcullis_platform using (true);

-- Row-level security of the table of records, or of one of its partitions: a partition that is addressed by its own name
-- goes by its own policies. Nobody changes a record, and the platform cannot take away those of itself.
create function portcullis.protect_audit(name text) returns void
	language plpgsql
	set search_path = pg_catalog, pg_temp
	as $$
begin
	execute format('alter table portcullis.%I enable row level security', name);
	execute format('alter table portcullis.%I force row level security', name);
	execute format(
		'create policy own_workspace on portcullis.%I for all to portcullis_app
			using (workspace_id = (select portcullis.app_workspace()))
			with check (workspace_id = (select portcullis.app_workspace()))',
		name
	);
	execute format(
		'create policy platform_read on portcullis.%I for select to portcullis_platform
			using (workspace_id in (
				''00000000-0000-0000-0000-000000000000'', (select portcullis.erased_workspace())
			))',
		name
	);
	execute format(
		'create policy platform_write on portcullis.%I for insert to portcullis_platform
			with check (workspace_id = ''00000000-0000-0000-0000-000000000000'')',
		name
	);
	execute format(
		'create policy platform_erase on portcullis.%I for delete to portcullis_platform
			using (workspace_id = (select portcullis.erased_workspace()))',
		name
	);
end $$;

select portcullis.protect_audit('audit_event');
select portcullis.protect_audit('audit_event_default');

create policy everybody on portcullis.migration for select to portcullis_app, portcullis_platform using (true);
create policy owner on portcullis.migration for all to current_user using (true) with check (true);

grant select on portcullis.migration to portcullis_app, portcullis_platform;
grant select, update (title, audit_mode, config_version) on portcullis.workspace to portcullis_app;
grant select, insert, update, delete on
	portcullis.grant_rule, portcullis.membership, portcullis.server, portcullis.tool_rule, portcullis.toolset,
	portcullis.toolset_tool, portcullis.credential, portcullis.oauth_registration, portcullis.oauth_pending,
	portcullis.api_key, portcullis.idempotency_key
	to portcullis_app;
grant select, insert on portcullis.audit_event to portcullis_app;
grant select, insert, update on portcullis.audit_chain, portcullis.usage_hour to portcullis_app;

grant select, insert, update, delete on
	portcullis.workspace, portcullis.directory, portcullis.platform_admin_rule, portcullis.signing_key,
	portcullis.idempotency_key
	to portcullis_platform;
grant select, update on portcullis.platform_setting to portcullis_platform;
grant select, insert, delete on portcullis.audit_event to portcullis_platform;
grant select, insert, update, delete on portcullis.audit_chain, portcullis.usage_hour to portcullis_platform;

-- Versions: of a row, for If-Match; of a workspace's configuration, for the processes that hold a snapshot of it.
create function portcullis.count_version() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	new.version := old.version + 1;
	new.updated_at := now();
	return new;
end $$;

-- As count_version, but the counting of changes elsewhere in the workspace is no change of this row.
create function portcullis.count_workspace_version() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if (new.slug, new.title, new.audit_mode, new.managed_by) is distinct from
		(old.slug, old.title, old.audit_mode, old.managed_by) then
		new.version := old.version + 1;
		new.updated_at := now();
		new.config_version := old.config_version + 1;
	end if;
	return new;
end $$;

create function portcullis.count_settings_version() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if new.settings is distinct from old.settings or new.managed_by is distinct from old.managed_by then
		new.version := old.version + 1;
		new.updated_at := now();
		new.config_version := old.config_version + 1;
	end if;
	return new;
end $$;

-- Once for each statement and workspace, however many rows it touched.
create function portcullis.touch_workspaces() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	update portcullis.workspace set config_version = config_version + 1
		where workspace_id in (select distinct workspace_id from changed);
	return null;
end $$;

create function portcullis.touch_platform() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	update portcullis.platform_setting set config_version = config_version + 1;
	return null;
end $$;

-- Ids and versions only: whoever listens reads the rest under row-level security.
create function portcullis.tell_workspace() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if tg_op = 'DELETE' then
		perform pg_notify('portcullis_config', old.workspace_id::text || ':0');
	elsif tg_op = 'INSERT' or new.config_version <> old.config_version then
		perform pg_notify('portcullis_config', new.workspace_id::text || ':' || new.config_version);
	end if;
	return null;
end $$;

create function portcullis.tell_platform() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	perform pg_notify('portcullis_config', 'platform:' || new.config_version);
	return null;
end $$;

do $$
declare
	name text;
	event text;
begin
	foreach name in array array[
		'grant_rule', 'membership', 'server', 'tool_rule', 'toolset', 'credential', 'oauth_registration', 'api_key',
		'directory', 'platform_admin_rule'
	] loop
		execute format(
			'create trigger count_version before update on portcullis.%I
				for each row execute function portcullis.count_version()',
			name
		);
	end loop;
	foreach name in array array['grant_rule', 'membership', 'server', 'tool_rule', 'toolset', 'toolset_tool'] loop
		foreach event in array array['insert', 'update', 'delete'] loop
			execute format(
				'create trigger touch_%s after %s on portcullis.%I referencing %s table as changed
					for each statement execute function portcullis.touch_workspaces()',
				event, event, name, case event when 'delete' then 'old' else 'new' end
			);
		end loop;
	end loop;
	foreach name in array array['directory', 'platform_admin_rule'] loop
		execute format(
			'create trigger touch after insert or update or delete on portcullis.%I
				for each statement execute function portcullis.touch_platform()',
			name
		);
	end loop;
end $$;

create trigger count_version before update on portcullis.workspace
	for each row execute function portcullis.count_workspace_version();
create trigger tell after insert or update or delete on portcullis.workspace
	for each row execute function portcullis.tell_workspace();
create trigger count_version before update on portcullis.platform_setting
	for each row execute function portcullis.count_settings_version();
create trigger tell after update on portcullis.platform_setting
	for each row when (new.config_version <> old.config_version) execute function portcullis.tell_platform();

-- Partitions are made by their owner, on the platform's word. A month whose records already lie in the default
-- partition keeps them there.
create function portcullis.ensure_audit_month(month date) returns void
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
	when check_violation then return;
end $$;

revoke all on all functions in schema portcullis from public;
grant execute on function portcullis.app_workspace() to portcullis_app, portcullis_platform;
grant execute on function portcullis.erased_workspace() to portcullis_platform;
grant execute on function portcullis.ensure_audit_month(date) to portcullis_platform;
