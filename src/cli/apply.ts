import type { Command } from 'commander';
import { ConfigFaults } from '../config/faults.ts';
import { ApiProblem, type JsonObject } from './api-client.ts';
import { addApiCommand, withConsent } from './api-command.ts';
import type { ApiSession } from './api-session.ts';
import type { CommandIo } from './command.ts';
import { changeLine, type PlannedChange, planSummary } from './plan-words.ts';
import { type Document, readDocument } from './read-document.ts';

interface ApplyOptions {
	readonly file: string;
	readonly dryRun?: boolean;
	readonly prune?: boolean;
	readonly takeOver?: boolean;
	readonly json?: boolean;
}

interface Plan {
	readonly changes: readonly PlannedChange[];
	readonly held: readonly PlannedChange[];
}

/** Adds `apply`: makes what is configured be what a file says, after showing the steps to it. */
export function addApplyCommand(program: Command, io: CommandIo): void {
	addApiCommand<ApplyOptions>(program, io, {
		name: 'apply',
		about: 'make what is configured be what a file says, after showing what would change',
		options: withApplyOptions,
		run: (session, _args, options) => apply(session, options),
	});
}

function withApplyOptions(command: Command): Command {
	return withConsent(command)
		.requiredOption('-f, --file <file>', 'a file in the form of the configuration file; - is standard input')
		.option('--dry-run', 'show what would change, and change nothing')
		.option('--prune', 'delete what the file does not name')
		.option('--take-over', 'change also what the configuration file of the gateway manages');
}

async function apply(session: ApiSession, options: ApplyOptions): Promise<void> {
	const document = readDocument(options.file);
	const wish = {
		config: document.value,
		prune: options.prune === true ? 'all' : 'nothing',
		takeOver: options.takeOver === true,
	};
	const ask = (path: string): Promise<JsonObject> => {
		return session.post(path, wish).catch((error: unknown) => placed(error, options.file, document));
	};
	const plan = await ask('/config/plan');
	const { changes, held } = plan as unknown as Plan;
	for (const line of [...changes.map(changeLine), ...heldLines(held)]) session.say(line);
	if (changes.length === 0) session.say('Nothing to change.');
	else session.say(planSummary(changes));
	if (options.dryRun === true || changes.length === 0) return session.show(plan, () => undefined);
	await session.confirm({ text: 'This changes what is configured.', expected: 'yes' });
	session.show(await ask('/config/apply'), () => 'Done.');
}

function heldLines(held: readonly PlannedChange[]): readonly string[] {
	if (held.length === 0) return [];
	return [
		'Left as they are, for the configuration file manages them (--take-over changes them):',
		...held.map(heldLine),
	];
}

const heldLine = (change: PlannedChange): string => `  ${changeLine(change)}`;

const CONFIG = /^body\.config\.?/;

/** What is wrong with the file, told with its places in it. */
function placed(error: unknown, file: string, { yaml }: Document): never {
	if (!(error instanceof ApiProblem) || !error.errors.some(({ path }) => CONFIG.test(path))) throw error;
	const faults = error.errors.map(({ path, message }) =>
		yaml.fault(stepsOf(path.replace(CONFIG, '')), message, 'value'),
	);
	throw new ConfigFaults(file, faults);
}

function stepsOf(path: string): (string | number)[] {
	const steps = path.replace(/\[(\d+)\]/g, '.$1').split('.');
	return steps.filter((step) => step !== '').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}
