import type { Endpoint } from '../../src/catalogue/endpoint-schema.ts';
import type { CatalogueEntry } from '../../src/catalogue/entry-schema.ts';
import { placeOf } from '../../src/catalogue/find-entry.ts';
import { pickEndpoint } from '../../src/catalogue/pick-endpoint.ts';
import type { CatalogueRun } from './read-runs.ts';

/** docs/catalogue.md, made of the entries and of the runs that are kept. */
export function renderCatalogue(entries: readonly CatalogueEntry[], runs: readonly CatalogueRun[]): string {
	const parts = [
		intro(entries),
		services(entries),
		ownClients(entries),
		problems(entries),
		programs(entries, runs),
		dead(entries),
	];
	return `${parts.join('\n\n')}\n`;
}

const isLive = ({ deprecated }: Endpoint): boolean => deprecated === undefined;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '\\<');
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
const table = (titles: readonly string[], rows: readonly string[]): string =>
	[row(...titles), row(...titles.map(() => '---')), ...rows].join('\n');

function intro(entries: readonly CatalogueEntry[]): string {
	const endpoints = entries.flatMap((entry) => entry.endpoints);
	const having = (transport: string): number =>
		entries.filter((entry) => entry.endpoints.some((each) => isLive(each) && each.transport === transport)).length;
	const old = endpoints.filter((each) => !isLive(each)).length;
	return `# The catalogue

Made by \`npm run catalogue:docs\` from \`src/catalogue/entries/\` and \`docs/catalogue-runs.json\`; change those, not this page.

The gateway knows ${entries.length} third-party services: how to reach each, what it needs and where to get that, and what goes wrong.
${having('http')} can be reached over http, ${having('stdio')} as a program that the gateway runs. ${old} ways that are not to be used any more are kept, so
that old configurations are recognised. No network is needed to look at it:

    portcullis catalogue search calendar
    portcullis catalogue list --category database --transport http
    portcullis catalogue show linear                      # also an address, a package, or a name that is dead

Over the network administrators read the same at \`GET /api/v1/catalogue\` and \`/catalogue/{service}\` ([api.md](api.md)). What a file
of the catalogue says is in [catalogue-format.md](catalogue-format.md).

Addresses and ways to sign in come from documents of the vendors and were not tried: a hosted service can only be tried with an
account. Programs were started; what they did is below. Services move, so look at the vendor's page when something differs.`;
}

function services(entries: readonly CatalogueEntry[]): string {
	const rows = entries.map((entry) => {
		const { id, name, docs, category, confidence, endpoints } = entry;
		const pick = pickEndpoint(entry);
		const best = 'endpoint' in pick ? pick.endpoint : endpoints[0];
		const title = docs === undefined ? name : `[${name}](${docs})`;
		const others = endpoints.filter((each) => isLive(each) && each !== best).map(({ key }) => key);
		const kinds = [...new Set(best?.signIn.map(({ kind }) => kind))].join(', ');
		return row(
			title,
			`\`${id}\``,
			category,
			makerOf(entry),
			best ? `\`${placeOf(best)}\`` : '',
			kinds,
			others.join(', '),
			confidence,
		);
	});
	return `## Services

${table(['service', 'id', 'category', 'by', 'recommended way', 'sign-in', 'other ways', 'sure'], rows)}`;
}

const makerOf = ({ official, vendor }: CatalogueEntry): string => (official ? vendor : 'community');

function ownClients(entries: readonly CatalogueEntry[]): string {
	const rows = entries.flatMap(({ id, endpoints }) =>
		endpoints.flatMap(({ key, ownClient }) =>
			ownClient === undefined ? [] : [row(`\`${id}\``, `\`${key}\``, ownClient.text)],
		),
	);
	return `## Bring your own client

These vendors let in only clients that they approved, also where a client may register itself. Somebody has to apply, or to use
another way:

${table(['service', 'way', 'what the vendor demands'], rows)}`;
}

function problems(entries: readonly CatalogueEntry[]): string {
	const rows = entries.flatMap(({ id, endpoints }) =>
		endpoints
			.filter(isLive)
			.flatMap(({ key, problems: known = [] }) =>
				known.map(({ kind, text }) => row(`\`${id}\``, `\`${key}\``, kind, text)),
			),
	);
	return `## Known problems

${table(['service', 'way', 'kind', 'what happens'], rows)}`;
}

function programs(entries: readonly CatalogueEntry[], runs: readonly CatalogueRun[]): string {
	const first = entries.flatMap(({ id, endpoints }) =>
		endpoints.flatMap((each) => {
			if (each.transport !== 'stdio' || each.run === undefined) return [];
			const { tools, startMs, memoryMb, node, withoutCredentials } = each.run;
			const seconds = (startMs / 1000).toFixed(1);
			const through = runs.find(
				(run) => run.package === each.package && run.version === each.version && run.service === id,
			);
			const credentials = withoutCredentials ? 'no' : 'yes';
			return [
				row(
					`\`${id}\``,
					`\`${placeOf(each)}\``,
					String(tools),
					seconds,
					String(memoryMb),
					node,
					credentials,
					outcomeOf(through),
				),
			];
		}),
	);
	const titles = [
		'service',
		'package',
		'tools',
		'start, s',
		'memory, MB',
		'Node',
		'credentials to list',
		'through the gateway',
	];
	return `## Programs that were run

Each was installed without install scripts where that works, started without a network and with made-up credentials, and asked
for its tools. The last column says what \`npm run catalogue:verify\` last saw through the gateway.

${table(titles, first)}`;
}

function outcomeOf(run: CatalogueRun | undefined): string {
	if (run === undefined) return '';
	const { result, tools, startMs, node, note } = run;
	const counted = tools === undefined ? '' : ` ${tools} tools`;
	const took = startMs === undefined ? '' : ` in ${(startMs / 1000).toFixed(1)} s`;
	return `${result}:${counted}${took}, Node ${node}${note === undefined ? '' : `; ${note}`}`;
}

function dead(entries: readonly CatalogueEntry[]): string {
	const aliases = entries.flatMap(({ id, aliases: names = [] }) =>
		names.flatMap(({ name, note }) => (note === undefined ? [] : [row(`\`${name}\``, `\`${id}\``, note)])),
	);
	const old = entries.flatMap(({ id, endpoints }) =>
		endpoints
			.filter((each) => !isLive(each))
			.map((each) => row(`\`${placeOf(each)}\``, `\`${id}\``, sentenceOf(each, endpoints))),
	);
	return `## Dead, wrong and old names

\`portcullis catalogue show\` takes each of them and says what to use. A name that nobody owns can be taken by anybody, so the gateway
never guesses one: packages run by the exact name and version of the catalogue.

${table(['name', 'service', 'what to know'], [...aliases, ...old])}`;
}

function sentenceOf({ deprecated }: Endpoint, endpoints: readonly Endpoint[]): string {
	if (deprecated === undefined) return '';
	const next = endpoints.find(({ key }) => key === deprecated.use);
	return next === undefined ? deprecated.why : `${deprecated.why} Use \`${placeOf(next)}\`.`;
}
