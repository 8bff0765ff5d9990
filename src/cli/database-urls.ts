import type { Environment } from '../config/environment.ts';
import type { DatabaseUrls } from '../store/open-store.ts';

/** The URLs of the settings; empty ones count as absent. */
export function databaseUrls(environment: Environment): DatabaseUrls {
	const { databaseUrl, databasePlatformUrl, databaseMigratorUrl, databaseListenUrl } = environment;
	return {
		app: databaseUrl || undefined,
		platform: databasePlatformUrl || undefined,
		migrator: databaseMigratorUrl || undefined,
		listen: databaseListenUrl || undefined,
	};
}
