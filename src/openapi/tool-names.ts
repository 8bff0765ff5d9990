/**
 * Names mcpo gives to a tool. Open WebUI keeps the operation id in prompts, filters and logs, so it is the tool's name
 * there for ever.
 */
export interface ToolNames {
	/** `/` and the tool's name as it is, percent-encoded where a path needs it. */
	readonly path: string;
	readonly operationId: string;
	readonly summary: string;
	/** Title of its arguments. */
	readonly formTitle: string;
	/** Key of its arguments among the components. */
	readonly formKey: string;
	/** Key of what it says it returns. */
	readonly responseKey: string;
	readonly responseTitle: string;
}

/** Last words of addresses that are something else already. */
const RESERVED = ['/mcp', '/sse', '/messages', '/openapi.json', '/docs'];

/** The tool that a path with a number is about, where its own name is an address: `mcp` for `mcp_2`. */
export function reservedName(name: string): string | undefined {
	const meant = name.endsWith('_2') ? name.slice(0, -2) : '';
	return RESERVED.includes(`/${meant}`) ? meant : undefined;
}

/** Names of tools, in their order; each is another operation and another component. */
export function namesOfTools(tools: readonly string[]): readonly ToolNames[] {
	const operations = createUnique();
	const keys = createUnique(['HTTPValidationError', 'ValidationError']);
	const paths = createUnique(RESERVED);
	return tools.map((tool) => {
		const words = tool.replace(/\W/g, '_');
		// Of a dotted name FastAPI keeps the last part for the key.
		const short = (tool.split('.').at(-1) ?? tool).replace(/[^A-Za-z0-9._-]/g, '_');
		return {
			path: paths(`/${encodeURIComponent(tool)}`),
			operationId: operations(`tool_${words}_post`),
			summary: titleCase(tool.replaceAll('_', ' ')),
			formTitle: `${tool}_form_model`,
			formKey: keys(`${short}_form_model`),
			responseKey: keys(`${short}_response_model`),
			responseTitle: `Response ${titleCase(`tool_${words}_post`.replaceAll('_', ' '))}`,
		};
	});
}

/** Numbers names that come again: `a`, `a_2`, `a_3`. */
function createUnique(before: readonly string[] = []): (name: string) => string {
	const taken = new Set<string>(before);
	return (name) => {
		let unique = name;
		for (let count = 2; taken.has(unique); count++) unique = `${name}_${count}`;
		taken.add(unique);
		return unique;
	};
}

/** As Python's `str.title`: what follows anything but a letter is large, all else small. */
export function titleCase(text: string): string {
	return text.replace(/\p{L}+/gu, (word) => {
		const [first = '', ...rest] = word;
		return first.toUpperCase() + rest.join('').toLowerCase();
	});
}

/** Title of a member as pydantic makes it: `first_name` is `First Name`. */
export function memberTitle(name: string): string {
	return titleCase(name.replaceAll('_', ' ')).trim();
}
