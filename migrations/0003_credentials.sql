-- Credentials: whose they are, what state they are in, and how they came to be. Nobody could make one before this version.

delete from portcullis.oauth_pending;
delete from portcullis.oauth_registration;
delete from portcullis.credential;

-- Whose credential a server is called with.
alter table portcullis.server
	add column credential text not null default 'workspace'
		check (credential in ('none', 'workspace', 'principal', 'principal-or-workspace'));

-- One for each server and owner. `version` counts what people change, and is part of every key that state is kept under:
-- that a token was refreshed, or a value sealed anew, is no such change.
alter table portcullis.credential
	alter column sealed drop not null,
	alter column key_id drop not null,
	-- Where the secret lies, when it lies outside; it names no secret.
	add column reference jsonb check (jsonb_typeof(reference) = 'object'),
	-- Names of what is in it: `token`, `api_key`.
	add column names text[] not null default '{}',
	add column state text not null default 'ok' check (state in ('ok', 'needs-attention')),
	-- Why it needs attention, as a sentence.
	add column reason text check (length(reason) between 1 and 500),
	-- Of OAuth: what was granted, by whom, as whom, and until when the access token is good.
	add column scopes text[] not null default '{}',
	add column authorization_server text check (length(authorization_server) between 1 and 2048),
	add column connected_as text not null default '' check (length(connected_as) <= 320),
	add column expires_at timestamptz,
	add column refreshed_at timestamptz,
	add column created_by text not null default '',
	add constraint credential_kind check (kind in ('values', 'oauth', 'reference')),
	add constraint credential_sealed check ((kind = 'reference') = (sealed is null)),
	add constraint credential_key check ((sealed is null) = (key_id is null)),
	add constraint credential_reference check ((kind = 'reference') = (reference is not null)),
	add constraint credential_owned check (num_nonnulls(issuer, tid, oid) in (0, 3)),
	add constraint credential_sole unique nulls not distinct (workspace_id, server_id, owner, issuer, tid, oid);

create index credential_key on portcullis.credential (workspace_id, key_id);

drop trigger count_version on portcullis.credential;
create function portcullis.note_update() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	new.updated_at := now();
	return new;
end $$;
create trigger note_update before update on portcullis.credential
	for each row execute function portcullis.note_update();

create trigger touch_insert after insert on portcullis.credential referencing new table as changed
	for each statement execute function portcullis.touch_workspaces();
create trigger touch_delete after delete on portcullis.credential referencing old table as changed
	for each statement execute function portcullis.touch_workspaces();
create function portcullis.touch_workspace_of_credential() returns trigger
	language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if (new.version, new.state, new.reason) is distinct from (old.version, old.state, old.reason) then
		update portcullis.workspace set config_version = config_version + 1 where workspace_id = new.workspace_id;
	end if;
	return null;
end $$;
create trigger touch_update after update of version, state, reason on portcullis.credential
	for each row execute function portcullis.touch_workspace_of_credential();

-- As what the gateway is known to an authorization server, for one server of the workspace.
alter table portcullis.oauth_registration
	drop constraint oauth_registration_pkey,
	add column server_id uuid not null,
	add column method text not null check (method in ('pre-registered', 'document', 'dynamic')),
	add column redirect_uri text not null default '',
	-- What was registered and what the authorization server said of itself; no secret.
	add column metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
	add column expires_at timestamptz,
	add primary key (workspace_id, server_id, issuer),
	add foreign key (workspace_id, server_id) references portcullis.server (workspace_id, id) on delete cascade,
	add constraint oauth_registration_key check ((sealed is null) = (key_id is null));

-- Somebody was sent to an authorization server and is expected back, once, in the same browser.
alter table portcullis.oauth_pending
	add column owner text not null check (owner in ('workspace', 'principal')),
	-- Who is expected, also where what they connect is the workspace's.
	add column issuer text not null,
	add column tid text not null,
	add column oid text not null,
	add column session_digest bytea not null,
	add column authorization_server text not null,
	add column created_at timestamptz not null default now();
create index oauth_pending_expiry on portcullis.oauth_pending (workspace_id, expires_at);

revoke all on all functions in schema portcullis from public;
