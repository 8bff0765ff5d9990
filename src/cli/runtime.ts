import type { Command } from 'commander';
import { createCatalogue } from '../catalogue/load-catalogue.ts';
import { parseEnvironment } from '../config/environment.ts';
import type { Installed, Runtime } from '../runtime/runtime.ts';
import { type CommandIo, guarded } from './command.ts';
import { failed, usageFault } from './command-error.ts';
import { installProgram, programsOf } from './install-program.ts';
import { openRuntime } from './open-programs.ts';
import { counted, printable, renderJson, renderTable } from './output.ts';
import { createProgress } from './progress.ts';

interface InstallOptions {
	readonly endpoint?: string;
}

interface ListOptions {
	readonly json?: boolean;
}

/** Adds `runtime install|list|remove|check`: programs of the catalogue, installed ahead on the machine of the gateway. */
export function addRuntimeCommands(program: Command, io: CommandIo): void {
	const parent = program.command('runtime').description('install the programs that stdio servers of the catalogue run');
	parent
		.command('install')
		.description('install programs ahead, each the one version that the catalogue names')
		.argument('<services...>', 'services of the catalogue, as notion')
		.option('--endpoint <key>', 'which of their ways to run')
		.action((services: string[], options: InstallOptions) => guarded(io, () => install(services, options, io)));
	parent
		.command('list')
		.description('list what is installed')
		.option('--json', 'print it as JSON')
		.action((options: ListOptions) => guarded(io, async () => list(runtimeOf(io), options, io)));
	parent
		.command('remove')
		.description('remove installed programs; servers that run them do not start any more')
		.argument('<names...>', 'as `runtime list` names them, or services')
		.action((names: string[]) => guarded(io, async () => remove(names, io)));
	parent
		.command('check')
		.description('read every installed file again; ends with 1 when one has changed')
		.action(() => guarded(io, () => check(runtimeOf(io), io)));
}

function runtimeOf(io: CommandIo): Runtime {
	return openRuntime(parseEnvironment(io.env), io.env);
}

async function install(services: readonly string[], { endpoint }: InstallOptions, io: CommandIo): Promise<void> {
	const wanted = programsOf(createCatalogue(), services, endpoint);
	const runtime = runtimeOf(io);
	for (const each of wanted) await installProgram(runtime, each, io);
}

const COLUMNS = ['name', 'runner', 'version', 'scripts', 'megabytes', 'installed'];

function list(runtime: Runtime, { json = false }: ListOptions, io: CommandIo): void {
	const items = runtime.list().map(({ name, record }) => ({
		name,
		runner: record.runner,
		version: record.version ?? null,
		integrity: record.integrity ?? null,
		scripts: record.scripts,
		megabytes: Math.ceil(record.bytes / 1_000_000),
		installed: record.installedAt,
	}));
	if (json) io.out(renderJson({ items }));
	else io.out(items.length === 0 ? 'Nothing is installed.' : renderTable(COLUMNS, items));
}

function remove(names: readonly string[], io: CommandIo): void {
	const runtime = runtimeOf(io);
	const installed = runtime.list();
	for (const name of names) {
		const found = installed.find((each) => each.name === name) ?? byService(installed, name);
		if (found === undefined || !runtime.remove(found.name)) {
			throw usageFault(`${printable(name)} is not installed; see portcullis runtime list.`);
		}
		io.out(`Removed ${found.name}.`);
	}
}

function byService(installed: readonly Installed[], service: string): Installed | undefined {
	const packages = createCatalogue()
		.entry(service)
		?.endpoints.flatMap((endpoint) => (endpoint.transport === 'stdio' ? (endpoint.package ?? []) : []));
	const found = installed.filter(({ record }) => packages?.includes(record.package));
	return found.length === 1 ? found[0] : undefined;
}

async function check(runtime: Runtime, io: CommandIo): Promise<void> {
	const progress = createProgress(io.fail);
	const installed = runtime.list();
	const faults: string[] = [];
	for (const each of installed) {
		progress.say(`reading ${each.name}`);
		const fault = await runtime.check(each);
		if (fault !== undefined) faults.push(`${each.name}: ${fault}. Remove it and install it again.`);
	}
	progress.end();
	if (faults.length > 0) throw failed(faults.join('\n'));
	io.out(`${counted(installed.length, 'program')}: everything is as it was installed.`);
}
