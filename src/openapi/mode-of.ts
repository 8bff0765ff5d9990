import { DEFAULT_OPEN_API } from '../config/open-api.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { CheckMode } from './check-arguments.ts';
import type { ResultMode } from './result-body.ts';

/** How a call is read and answered where mcpo and the better way differ. */
export interface Mode extends CheckMode, ResultMode {}

/** The mode of a workspace; without one, that of everybody who says nothing else. */
export function modeOf({ workspaces }: Snapshot, workspace: string | undefined): Mode {
	const own = workspace === undefined ? undefined : workspaces.get(workspace)?.openApi;
	const { mcpo, coercion, embeds } = own ?? DEFAULT_OPEN_API;
	return { isStrict: mcpo === 'strict', coerces: coercion === 'allow', showsPages: embeds === 'allow' };
}
