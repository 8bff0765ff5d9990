import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';

const PINNED = new URL('cli-help.txt', import.meta.url);

const program = createProgram({ env: {}, serve: () => Promise.reject(new Error('nothing is served here')) });

/** Every command with its path, parents first. */
function commandsBelow(command: Command, path: string): readonly (readonly [string, Command])[] {
	const below = command.commands.flatMap((each) => commandsBelow(each, `${path} ${each.name()}`));
	return [[path, command], ...below];
}

const helpOf = (command: Command): string => command.configureHelp({ helpWidth: 100 }).helpInformation();

describe('the help of the command line', () => {
	const all = commandsBelow(program, 'portcullis');

	it('is test/golden/cli-help.txt; UPDATE=1 writes it anew', () => {
		const text = all.map(([path, command]) => `$ ${path} --help\n\n${helpOf(command)}`).join('\n');
		if (process.env['UPDATE'] === '1') writeFileSync(PINNED, text);
		expect(existsSync(PINNED) ? readFileSync(PINNED, 'utf8') : '').toBe(text);
	});

	it('has a word for every command, argument and option', () => {
		const wordless = all.flatMap(([path, command]) => [
			...(command.description() === '' ? [path] : []),
			...command.options.filter((option) => option.description === '').map((option) => `${path} ${option.flags}`),
			...command.registeredArguments.filter((each) => each.description === '').map((each) => `${path} ${each.name()}`),
		]);
		expect(wordless).toEqual([]);
	});

	it('takes no token and no secret as an option, but where it takes the place of mcpo', () => {
		const ours = all.filter(([path]) => path !== 'portcullis bridge');
		const flags = ours.flatMap(([, command]) => command.options.map((option) => option.long ?? ''));
		expect(flags.filter((flag) => /token|secret|password|key|header/.test(flag) && !flag.endsWith('-file'))).toEqual(
			[],
		);
	});

	it('is repeated by docs/cli.md, command by command', () => {
		const docs = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
		const leaves = all.filter(([, command]) => command.commands.length === 0).map(([path]) => path);
		expect(leaves.filter((path) => !docs.includes(path.replace('portcullis ', '')))).toEqual([]);
	});
});
