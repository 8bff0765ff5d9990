import * as z from 'zod';
import { readTemplate, type SecretLookup } from './secret-template.ts';
import type { OpenWebUiInstance } from './snapshot.ts';

/** By what somebody of an instance is known: the id they have there, or the e-mail address. */
export type LinkedBy = 'subject' | 'email';

/** One text for somebody of an instance in a workspace. */
export function linkKey(workspaceId: string, instance: string, [by, value]: readonly [LinkedBy, string]): string {
	return JSON.stringify([workspaceId, instance, by, value]);
}

const MIN_SECRET_BYTES = 32;

/** One instance as the file writes it. */
export function openWebUiSchema(lookup: SecretLookup) {
	return z.strictObject({
		title: z.string().min(1).max(200).optional(),
		secret: z.string().transform((text, context) => {
			const { template, rendered, faults } = readTemplate(text, lookup);
			const message = faults[0] ?? secretFault(template, lookup.placeholder === undefined ? rendered : undefined);
			if (message !== undefined) context.addIssue({ code: 'custom', message });
			return template;
		}),
	});
}

/** The instance that a faultless entry describes. */
export function buildInstance(
	id: string,
	{ title, secret }: z.output<ReturnType<typeof openWebUiSchema>>,
): OpenWebUiInstance {
	return { title: title ?? id, secret };
}

function secretFault(template: OpenWebUiInstance['secret'], rendered: string | undefined): string | undefined {
	if (template.every((part) => typeof part === 'string')) return 'put the secret into ${env:NAME} or ${file:path}';
	const isShort = rendered !== undefined && Buffer.byteLength(rendered) < MIN_SECRET_BYTES;
	return isShort ? `must have at least ${MIN_SECRET_BYTES} bytes` : undefined;
}
