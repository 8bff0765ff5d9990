import { type Command, Option } from 'commander';
import type { CatalogueEntry } from '../catalogue/entry-schema.ts';
import { SIGN_IN_KINDS } from '../catalogue/field-schema.ts';
import { type EntryFilter, filterEntries } from '../catalogue/filter-entries.ts';
import { type Found, findEntry } from '../catalogue/find-entry.ts';
import { createCatalogue } from '../catalogue/load-catalogue.ts';
import { searchEntries } from '../catalogue/search-entries.ts';
import { summaryOf } from '../catalogue/summary-of.ts';
import { cataloguePage } from './catalogue-page.ts';
import { type CommandIo, guarded } from './command.ts';
import { failed } from './command-error.ts';
import { type Column, counted, printable, renderJson, renderTable } from './output.ts';

interface AsJson {
	readonly json?: boolean;
}

const COLUMNS: readonly Column[] = [
	'id',
	'name',
	'category',
	'transports',
	['SIGN-IN', ({ auth }) => auth],
	'description',
];

/** Adds `catalogue list|show|search`. They need no gateway, no database and no network. */
export function addCatalogueCommands(program: Command, io: CommandIo): void {
	const parent = program.command('catalogue').description('look at the third-party services that the gateway knows');
	addList(parent, io);
	parent
		.command('show')
		.argument('<service>', 'its id, name or another name, an address of it, or a package')
		.description('show what a service is, how to reach it, what it needs and where to get that')
		.option('--json', 'print JSON')
		.action((text: string, options: AsJson) => guarded(io, async () => show(text, options, io)));
	parent
		.command('search')
		.argument('<words...>', 'words of names, categories, vendors and descriptions')
		.description('find services; typing errors are forgiven')
		.option('--json', 'print JSON')
		.action((words: readonly string[], options: AsJson) =>
			guarded(io, async () => {
				const entries = searchEntries(createCatalogue().all(), words.join(' '));
				if (entries.length === 0) throw failed(`Nothing in the catalogue fits ${printable(words.join(' '))}.`);
				tell(entries, options, io);
			}),
		);
}

function addList(parent: Command, io: CommandIo): void {
	parent
		.command('list')
		.description('list the services of the catalogue')
		.option('--category <category>', 'only those of this category')
		.addOption(
			new Option('--transport <transport>', 'only those with this transport').choices(['http', 'sse', 'stdio']),
		)
		.addOption(new Option('--auth <kind>', 'only those with this way to sign in').choices(SIGN_IN_KINDS))
		.option('--json', 'print JSON')
		.action((options: EntryFilter & AsJson) =>
			guarded(io, async () => {
				const all = createCatalogue().all();
				requireCategory(all, options.category);
				tell(filterEntries(all, options), options, io);
			}),
		);
}

function requireCategory(all: readonly CatalogueEntry[], wanted: string | undefined): void {
	const categories = [...new Set(all.map(({ category }) => category))].sort();
	if (wanted === undefined || categories.some((each) => each.toLowerCase() === wanted.toLowerCase())) return;
	throw failed(`There is no such category; there are: ${categories.join(', ')}.`);
}

function tell(entries: readonly CatalogueEntry[], { json = false }: AsJson, io: CommandIo): void {
	const items = entries.map((entry) => ({ ...summaryOf(entry) }));
	const more = `${counted(items.length, 'service')}; portcullis catalogue show <id> tells more.`;
	io.out(json ? renderJson({ items }) : `${renderTable(COLUMNS, items)}\n\n${more}`);
}

function show(text: string, { json = false }: AsJson, io: CommandIo): void {
	const found = findEntry(createCatalogue().all(), text);
	if (found.kind !== 'entry') throw failed(notFound(text, found));
	const { entry, note, endpoint } = found;
	const asked = { ...(note !== undefined && { note }), ...(endpoint !== undefined && { endpoint: endpoint.key }) };
	io.out(json ? renderJson({ ...entry, ...(note !== undefined && { asked }) }) : cataloguePage(entry, asked));
}

function notFound(text: string, found: Exclude<Found, { kind: 'entry' }>): string {
	if (found.kind === 'several') {
		const ids = found.entries.map(({ id }) => id).join(', ');
		return `${printable(text)} may mean several services: ${ids}.`;
	}
	const unknown = `The catalogue does not know ${printable(text)}`;
	return found.nearest === undefined
		? `${unknown}; portcullis catalogue search finds services by words.`
		: `${unknown}; did you mean ${found.nearest}?`;
}
