import { parseArgs } from 'node:util';
import type { ClientRun, ServerRun } from './runs.ts';

/** What a developer may ask for. */
export interface Options {
	/** Parts of the names of pairs; none means all pairs. */
	readonly only: readonly string[];
	/** The required sets over http alone. */
	readonly isQuick: boolean;
	/** Whether docs/conformance.md gets the results. */
	readonly isWriting: boolean;
	/** Whether the logs of all runs stay. */
	readonly isKeeping: boolean;
}

/** How the command is used. */
export const USAGE = `npm run conformance -- [options]

  --only <part>  pairs whose name holds this, such as legacy-to-modern; may be given several times
  --quick        over http alone, without the older release of the suite and without the client suites
  --write        put the results into docs/conformance.md
  --keep         keep the logs of all runs and say where they are
`;

/** Reads the command line. Throws on what it does not know. */
export function readOptions(args: readonly string[]): Options {
	const { values } = parseArgs({
		args: [...args],
		options: {
			only: { type: 'string', multiple: true, default: [] },
			quick: { type: 'boolean', default: false },
			write: { type: 'boolean', default: false },
			keep: { type: 'boolean', default: false },
		},
	});
	const { only, quick, write, keep } = values;
	if (write && (quick || only.length > 0)) throw new Error('--write needs all results: leave out --quick and --only');
	return { only, isQuick: quick, isWriting: write, isKeeping: keep };
}

/** Whether these options want the run. */
export function isWanted(run: ServerRun | ClientRun, { only, isQuick }: Options): boolean {
	if (only.length > 0 && !only.some((part) => run.pair.includes(part))) return false;
	return !isQuick || isQuickRun(run);
}

function isQuickRun(run: ServerRun | ClientRun): boolean {
	return run.side === 'server' && run.build.endsWith('-http') && run.suite.requirements !== undefined;
}
