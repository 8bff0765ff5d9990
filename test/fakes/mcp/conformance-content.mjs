/** The resources and prompts of the conformance suite. Runs under plain node. */
import { ASKING_PROMPT } from './conformance-questions.mjs';
import { PIXEL } from './conformance-tools.mjs';
import { converse } from './rounds.mjs';

/** @type {Record<string, string>} */
const TEXTS = {
	'test://static-text': 'This is the content of the static text resource.',
	'test://watched-resource': 'This is the content of the watched resource.',
};

/**
 * A resource of the suite; undefined when it has none with this address.
 *
 * @param {string} uri
 */
export function readConformanceResource(uri) {
	const text = TEXTS[uri];
	if (text !== undefined) return { contents: [{ uri, mimeType: 'text/plain', text }] };
	const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
	if (id === undefined) return undefined;
	const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
	return { contents: [{ uri, mimeType: 'application/json', text: data }] };
}

/** @param {...object} contents */
const messages = (...contents) => ({ messages: contents.map((content) => ({ role: 'user', content })) });

/** @param {string} text */
const text = (text) => ({ type: 'text', text });

/** @type {Record<string, (given: any) => object>} */
const PROMPTS = {
	test_simple_prompt: () => messages(text('This is a simple prompt for testing.')),
	test_prompt_with_arguments: ({ arg1, arg2 }) =>
		messages(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
	test_prompt_with_embedded_resource({ resourceUri: uri }) {
		const resource = { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' };
		return messages({ type: 'resource', resource }, text('Please process the embedded resource above.'));
	},
	test_prompt_with_image: () =>
		messages({ type: 'image', data: PIXEL, mimeType: 'image/png' }, text('Please analyze the image above.')),
	test_dynamic_prompt: () => messages(text('Dynamic')),
};

/**
 * A prompt of the suite; undefined when it has none with this name.
 *
 * @param {any} context
 */
export async function getConformancePrompt(context) {
	const { name, arguments: given = {} } = context.params;
	if (name !== 'test_input_required_result_prompt') return PROMPTS[name]?.(given);
	const outcome = await converse(context, ASKING_PROMPT.dialogue);
	return 'result' in outcome ? promptResult(outcome.result) : messages(text(ASKING_PROMPT.finish(outcome.answers)));
}

/**
 * A prompt cannot say that it failed: a client that could not be asked gets the reason as its message.
 *
 * @param {any} result
 */
function promptResult(result) {
	return result.isError ? messages(...result.content) : result;
}
