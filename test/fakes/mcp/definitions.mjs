/** What the fixture offers, as data: tools, resources and prompts. Runs under plain node. */
import { conformancePrompts, conformanceTools, WATCHED_RESOURCE } from './conformance-definitions.mjs';
import { COUNT, TEXT, tool, VENDOR, WRITE } from './define-tool.mjs';

/** A tool name that needs mapping in every naming scheme. */
export const ODD_TOOL_NAME = 'dotted.name/with-slash';

/** A tool name of exactly 80 characters. */
export const LONG_TOOL_NAME = 'a_tool_with_a_name_of_eighty_characters_'.padEnd(80, 'x');

const SHARED_TOOLS = [
	tool('echo', { about: 'Answers the text it was given.', properties: { text: TEXT }, title: 'Echo' }),
	tool('add', {
		about: 'Adds two numbers.',
		properties: { a: { type: 'number' }, b: { type: 'number' } },
		outputSchema: { type: 'object', properties: { sum: { type: 'number' } }, required: ['sum'] },
	}),
	tool('remember', {
		about: 'Keeps a value in the memory of this server.',
		properties: { key: TEXT, value: TEXT },
		annotations: WRITE,
	}),
	tool('recall', { about: 'Answers a remembered value.', properties: { key: TEXT } }),
	tool('whoami', { about: 'Answers the credential this server was called with.' }),
	tool('slow', { about: 'Takes a while and reports progress.', properties: { ms: COUNT, steps: COUNT } }),
	tool('log', { about: 'Emits a log message.', properties: { level: TEXT, text: TEXT } }),
	tool('exotic', { about: 'Answers what no client knows.' }),
	tool('fail', { about: 'Answers a tool error.' }),
	tool('rpcError', { about: 'Answers a JSON-RPC error.' }),
	tool('crash', { about: 'Dies in the middle of the call.' }),
	tool('huge', { about: 'Answers a text of the given size.', properties: { bytes: COUNT } }),
	tool('toggle_tool', { about: 'Adds or removes the tool extra.', annotations: WRITE }),
	tool('touch', { about: 'Says that a resource changed.', properties: { uri: TEXT }, annotations: WRITE }),
	tool('regional', {
		about: 'Answers the region it was called for.',
		properties: { region: { ...TEXT, 'x-mcp-header': 'Region' } },
	}),
	tool(ODD_TOOL_NAME, { about: 'Has a name that fits nowhere.' }),
	tool(LONG_TOOL_NAME, { about: 'Has a very long name.' }),
];

const EXTRA_TOOL = tool('extra', { about: 'Comes and goes.' });

const ERA_TOOLS = {
	modern: [tool('ask', { about: 'Asks the person a question.', properties: { question: TEXT } })],
	legacy: [
		tool('elicit', {
			about: 'Asks the person through the client.',
			properties: { message: TEXT, rootsFirst: { type: 'boolean' } },
			required: ['message'],
		}),
	],
};

/**
 * What decides the lists beside the era: `conformance` adds what the official suite looks for, `extra` and the dynamic
 * items come and go.
 *
 * @typedef {{ canary: string, extra: boolean, dynamicTool: boolean, dynamicPrompt: boolean, conformance: boolean,
 *   padBytes: number }} Facts
 */

/**
 * The tools of one era, every description marked with the canary.
 *
 * @param {'modern' | 'legacy'} era
 * @param {Facts} facts
 */
export function toolDefinitions(era, { canary, extra, dynamicTool, conformance, padBytes }) {
	const suite = conformance ? conformanceTools({ era, dynamic: dynamicTool }) : [];
	// The odd name is against a rule of the suite.
	const shared = SHARED_TOOLS.filter(({ name }) => !conformance || name !== ODD_TOOL_NAME);
	const tools = [...shared, ...ERA_TOOLS[era], ...(extra ? [EXTRA_TOOL] : []), ...suite];
	const pad = padBytes > 0 ? ` ${'p'.repeat(padBytes)}` : '';
	return tools.map((each, index) => {
		const description = `${each.description} [${canary}]${index === 0 ? pad : ''}`;
		return { ...each, description };
	});
}

/** @param {Facts} facts */
export function resourceDefinitions({ canary, conformance }) {
	return [
		{ uri: 'test://static-text', name: 'static-text', mimeType: 'text/plain', description: `Text [${canary}]` },
		{ uri: 'test://static-binary', name: 'static-binary', mimeType: 'image/png', description: `Bytes [${canary}]` },
		...(conformance ? [{ ...WATCHED_RESOURCE, description: `Watched [${canary}]` }] : []),
	].map((each) => ({ ...each, 'x-vendor': VENDOR }));
}

/** @param {Facts} facts */
export function templateDefinitions({ canary }) {
	const uriTemplate = 'test://template/{id}/data';
	return [{ uriTemplate, name: 'template', description: `By id [${canary}]`, 'x-vendor': VENDOR }];
}

/** @param {Facts} facts */
export function promptDefinitions({ canary, conformance, dynamicPrompt }) {
	const argument = (/** @type {string} */ name) => ({ name, description: `The ${name}`, required: true });
	return [
		{ name: 'test_simple_prompt', description: `Simple [${canary}]`, 'x-vendor': VENDOR },
		{
			name: 'test_prompt_with_arguments',
			description: `With arguments [${canary}]`,
			arguments: [argument('arg1'), argument('arg2')],
			'x-vendor': VENDOR,
		},
		...(conformance ? conformancePrompts({ canary, dynamic: dynamicPrompt }) : []),
	];
}
