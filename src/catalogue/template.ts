/** What the templates of an endpoint name. */
export interface TemplateNames {
	readonly variables: readonly string[];
	readonly secrets: readonly string[];
}

const NAME = /\$\{secret:([a-z][a-z0-9_]*)\}|\{([a-z][a-z0-9_]*)\}/g;

/** Names of variables and secrets in templates, each once. */
export function namesIn(templates: Iterable<string>): TemplateNames {
	const matches = [...templates].flatMap((template) => [...template.matchAll(NAME)]);
	const unique = (group: 1 | 2): string[] => [...new Set(matches.flatMap((match) => match[group] ?? []))];
	return { secrets: unique(1), variables: unique(2) };
}

/** Whether something in a template is neither text nor a reference of the two kinds. */
export function isMalformed(template: string): boolean {
	return /[{}]/.test(template.replace(NAME, ''));
}

/** The template with its variables in place; references to secrets stay as they are. `undefined`: a variable is absent. */
export function fillTemplate(template: string, lookUp: (name: string) => string | undefined): string | undefined {
	let complete = true;
	const filled = template.replace(NAME, (reference, secret?: string, name?: string) => {
		if (secret !== undefined || name === undefined) return reference;
		const value = lookUp(name);
		complete &&= value !== undefined;
		return value ?? '';
	});
	return complete ? filled : undefined;
}

/** The template cut into text and names of variables, in order. */
export function* piecesOf(template: string): Generator<{ readonly text: string } | { readonly variable: string }> {
	let end = 0;
	for (const match of template.matchAll(NAME)) {
		if (match[2] === undefined) continue;
		if (match.index > end) yield { text: template.slice(end, match.index) };
		yield { variable: match[2] };
		end = match.index + match[0].length;
	}
	if (end < template.length) yield { text: template.slice(end) };
}
