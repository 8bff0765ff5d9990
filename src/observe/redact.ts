const PATTERNS: readonly RegExp[] = [
	/\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?/g,
	/\b(?:bearer|basic|token|apikey)\s+[\w.~+/=-]{8,}/gi,
	/((?:key|token|secret|passw(?:or)?d|authorization)["']?\s*[:=]\s*["']?)[^\s"',;]{4,}/gi,
	/\b(?:sk|pk|ghp|gho|glpat|xox[abp]|pc)[-_][\w-]{12,}/g,
];

/**
 * Text of a child process or another foreign source, fit for the log: what looks like a token, key or password is
 * replaced, and every value in `secrets` for certain.
 */
export function redact(text: string, secrets: readonly string[]): string {
	// The longest first: a secret that begins like another would leave its rest behind.
	const known = secrets.filter((secret) => secret.length >= 4).toSorted((a, b) => b.length - a.length);
	const without = known.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
	return PATTERNS.reduce(
		(rest, pattern) => rest.replace(pattern, (_match, lead) => `${keptLead(lead)}[secret]`),
		without,
	);
}

function keptLead(lead: unknown): string {
	return typeof lead === 'string' ? lead : '';
}
