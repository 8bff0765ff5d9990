import type { ProgramEndpoint } from '../catalogue/endpoint-schema.ts';
import type { CatalogueEntry } from '../catalogue/entry-schema.ts';
import { findEntry } from '../catalogue/find-entry.ts';
import type { Catalogue } from '../catalogue/load-catalogue.ts';
import { pickEndpoint } from '../catalogue/pick-endpoint.ts';
import { catalogueProgram } from '../runtime/catalogue-program.ts';
import { programText } from '../runtime/program.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { CommandIo } from './command.ts';
import { usageFault } from './command-error.ts';
import { printable } from './output.ts';
import { createProgress } from './progress.ts';

/** A service that runs on the machine of the gateway. */
export interface WantedProgram {
	readonly entry: CatalogueEntry;
	readonly endpoint: ProgramEndpoint;
}

/** The service that a name means. Throws, with the nearest names, where that is none or not clear. */
export function serviceOf(
	catalogue: Catalogue,
	name: string,
): { entry: CatalogueEntry; note?: string; endpoint?: string } {
	const found = findEntry(catalogue.all(), name);
	if (found.kind === 'entry') {
		const { entry, note, endpoint } = found;
		return { entry, ...(note !== undefined && { note }), ...(endpoint !== undefined && { endpoint: endpoint.key }) };
	}
	if (found.kind === 'several') {
		const names = found.entries.map(({ id }) => id).join(', ');
		throw usageFault(`${printable(name)} may be any of ${names}; name one of them.`);
	}
	const hint = found.nearest === undefined ? 'see portcullis catalogue list' : `did you mean ${found.nearest}?`;
	throw usageFault(`There is no service ${printable(name)} in the catalogue; ${hint}`);
}

/** What these services run. Throws where one runs nothing here. */
export function programsOf(
	catalogue: Catalogue,
	services: readonly string[],
	choice: string | undefined,
): readonly WantedProgram[] {
	return services.map((name) => {
		const { entry, endpoint: meant } = serviceOf(catalogue, name);
		const named = entry.endpoints.find(({ key }) => key === (choice ?? meant));
		const pick = pickEndpoint(entry, named?.transport === 'stdio' ? named.key : (choice ?? 'stdio'));
		if ('endpoint' in pick && pick.endpoint.transport === 'stdio') return { entry, endpoint: pick.endpoint };
		throw usageFault(
			'reason' in pick && pick.reason === 'all-deprecated'
				? `Every program of ${entry.id} is not to be used any more; name one with --endpoint to use it all the same: ${pick.keys.join(', ')}.`
				: `${entry.id} has no program of that kind to install: it is reached over the network.`,
		);
	});
}

/** Installs a program and says so; an entry that needs scripts of packages to run says why. */
export async function installProgram(
	runtime: Runtime,
	{ entry, endpoint }: WantedProgram,
	io: CommandIo,
): Promise<void> {
	const program = catalogueProgram(endpoint);
	const what = programText(program);
	if (runtime.isInstalled(program)) {
		io.out(`${what} is installed already.`);
		return;
	}
	const scripts = endpoint.installScripts !== undefined;
	if (scripts) io.fail(`Install scripts of ${what} run, as you: ${endpoint.installScripts}`);
	const progress = createProgress(io.fail);
	const startedAt = performance.now();
	try {
		const { record } = await runtime.install({ program, scripts, tell: progress.say });
		const seconds = Math.max(1, Math.round((performance.now() - startedAt) / 1_000));
		const size = record.bytes === 0 ? '' : `, ${Math.ceil(record.bytes / 1_000_000)} MB`;
		io.out(`Installed ${what} for ${entry.name} (${seconds} s${size}).`);
	} finally {
		progress.end();
	}
}
