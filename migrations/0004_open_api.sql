-- How a workspace's tools are shown as an OpenAPI service, as the configuration file writes it.
alter table portcullis.workspace
	add column open_api jsonb not null default '{}' check (jsonb_typeof(open_api) = 'object');
grant update (open_api) on portcullis.workspace to portcullis_app;

create or replace function portcullis.count_workspace_version() returns trigger
	language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
	if (new.slug, new.title, new.audit_mode, new.managed_by, new.rate_limits, new.open_api) is distinct from
		(old.slug, old.title, old.audit_mode, old.managed_by, old.rate_limits, old.open_api) then
		new.version := old.version + 1;
		new.updated_at := now();
		new.config_version := old.config_version + 1;
	end if;
	return new;
end $$;
