import { memberOf, skipSpace, sliceOf } from '../lib/json-text.ts';

/** The text of a member of a JSON object; `undefined` where it is absent or no text. */
export function textMember(objectText: string, name: string): string | undefined {
	const member = memberOf(objectText, name);
	if (member === undefined || objectText[skipSpace(objectText, member.start)] !== '"') return undefined;
	return JSON.parse(sliceOf(objectText, member)) as string;
}
