import { present, presentedBy } from '../edge/presented.ts';
import type { Visitor } from '../edge/visitor.ts';

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/**
 * Takes the password of a Basic `Authorization` for the token, whoever the user is said to be: callers of mcpo may send
 * their key like this (mcpo: --strict-auth). The gateway never asks for it, so that no browser keeps one for its pages.
 */
export function acceptBasic(request: Visitor['request']): void {
	const presented = presentedBy(request);
	const { rawHeaders } = presented;
	const places = rawHeaders.flatMap((name, at) => (at % 2 === 0 && name.toLowerCase() === 'authorization' ? [at] : []));
	const [at, ...more] = places;
	if (at === undefined || more.length > 0) return;
	const password = passwordIn(rawHeaders[at + 1] as string);
	if (password !== undefined)
		present(request, { ...presented, rawHeaders: rawHeaders.with(at + 1, `Bearer ${password}`) });
}

function passwordIn(authorization: string): string | undefined {
	const [, encoded] = BASIC.exec(authorization.trim()) ?? [];
	if (encoded === undefined) return undefined;
	return /^[^:]*:([\x21-\x7e]+)$/.exec(Buffer.from(encoded, 'base64').toString('latin1'))?.[1];
}
