/** What the official conformance suite looks for, as data: its names and shapes are the suite's. Runs under plain node. */
import { TEXT, tool, VENDOR, WRITE } from './define-tool.mjs';

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** A schema with the words that a careless hop drops: it must come back as it is. */
const SCHEMA_2020_12 = {
	$schema: DIALECT,
	type: 'object',
	$defs: {
		address: { $anchor: 'addressDef', type: 'object', properties: { street: TEXT, city: TEXT } },
	},
	properties: {
		name: TEXT,
		address: { $ref: '#/$defs/address' },
		contactMethod: { ...TEXT, enum: ['phone', 'email'] },
		phone: TEXT,
		email: TEXT,
	},
	allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
	if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
	// biome-ignore lint/suspicious/noThenProperty: the word is JSON Schema's.
	then: { required: ['phone'] },
	else: { required: ['email'] },
	additionalProperties: false,
};

const CONTENT_TOOLS = [
	tool('test_simple_text', { about: 'Answers a text.' }),
	tool('test_image_content', { about: 'Answers an image.' }),
	tool('test_audio_content', { about: 'Answers a sound.' }),
	tool('test_embedded_resource', { about: 'Answers an embedded resource.' }),
	tool('test_multiple_content_types', { about: 'Answers a text, an image and a resource.' }),
	tool('test_error_handling', { about: 'Answers a tool error.' }),
	tool('test_tool_with_logging', { about: 'Logs three messages.' }),
	tool('test_logging_tool', { about: 'Logs one message, if the client wants any.' }),
	tool('test_tool_with_progress', { about: 'Reports progress three times.' }),
	tool('test_reconnection', { about: 'Closes the stream of the call before it answers.' }),
	{ ...tool('json_schema_2020_12_tool', { about: 'Has a rich schema.' }), inputSchema: SCHEMA_2020_12 },
	tool('test_x_mcp_header', {
		about: 'Answers the region that its header repeats.',
		properties: { region: { ...TEXT, 'x-mcp-header': 'Region' } },
	}),
	tool('test_trigger_tool_change', { about: 'Adds or removes a tool.', annotations: WRITE }),
	tool('test_trigger_prompt_change', { about: 'Adds or removes a prompt.', annotations: WRITE }),
];

const ASKING_TOOLS = [
	tool('test_sampling', { about: 'Asks the model of the client.', properties: { prompt: TEXT } }),
	tool('test_elicitation', { about: 'Asks the person for a name and an address.', properties: { message: TEXT } }),
	tool('test_elicitation_sep1034_defaults', { about: 'Asks with a default for each kind of field.' }),
	tool('test_elicitation_sep1330_enums', { about: 'Asks with each way to write a choice.' }),
	tool('test_missing_capability', { about: 'Needs sampling.' }),
	tool('test_streaming_elicitation', { about: 'Asks the person on an event stream.' }),
	...[
		['elicitation', 'Asks the person for a name.'],
		['sampling', 'Asks the model of the client for a capital.'],
		['list_roots', 'Asks the client for its roots.'],
		['request_state', 'Asks for a confirmation and remembers the call.'],
		['multiple_inputs', 'Asks three things at once.'],
		['multi_round', 'Asks two things, one after the other.'],
		['tampered_state', 'Asks for a confirmation and refuses a state that was changed.'],
		['capabilities', 'Asks only what the client can answer.'],
	].map(([name, about = '']) => tool(`test_input_required_result_${name}`, { about })),
];

const TASK_TOOLS = [
	tool('greet', { about: 'Greets, at once.', properties: { name: TEXT } }),
	tool('slow_compute', {
		about: 'Computes for some seconds, as a task.',
		properties: { seconds: { type: 'number', minimum: 0 }, label: TEXT },
		required: ['seconds'],
	}),
	tool('failing_job', { about: 'Fails as a tool, in a task only.' }),
	tool('protocol_error_job', { about: 'Fails as a request, in a task.' }),
	tool('confirm_delete', { about: 'Asks before it deletes.', properties: { filename: TEXT }, annotations: WRITE }),
	tool('multi_input', { about: 'Asks two things at once.' }),
	tool('test_tool_with_task', { about: 'Asks for a name, then goes on in a task.' }),
];

const DYNAMIC_TOOL = tool('test_dynamic_tool', { about: 'Comes and goes.' });

/**
 * @param {{ era: 'modern' | 'legacy', dynamic: boolean }} facts
 */
export function conformanceTools({ era, dynamic }) {
	const tasks = era === 'modern' ? TASK_TOOLS : [];
	return [...CONTENT_TOOLS, ...ASKING_TOOLS, ...tasks, ...(dynamic ? [DYNAMIC_TOOL] : [])];
}

/** The resource that clients of the suite subscribe to. */
export const WATCHED_RESOURCE = { uri: 'test://watched-resource', name: 'watched-resource', mimeType: 'text/plain' };

/**
 * @param {{ canary: string, dynamic: boolean }} facts
 */
export function conformancePrompts({ canary, dynamic }) {
	const resourceUri = { name: 'resourceUri', description: 'The resource to embed', required: true };
	const prompts = [
		{ name: 'test_prompt_with_embedded_resource', arguments: [resourceUri] },
		{ name: 'test_prompt_with_image' },
		{ name: 'test_input_required_result_prompt' },
		...(dynamic ? [{ name: 'test_dynamic_prompt' }] : []),
	];
	return prompts.map((each) => ({ ...each, description: `For the suite [${canary}]`, 'x-vendor': VENDOR }));
}
