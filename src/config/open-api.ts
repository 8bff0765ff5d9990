import * as z from 'zod';
import type { OpenApiSettings } from './snapshot.ts';

/** What a workspace says of its OpenAPI addresses, as the file writes it. */
export type OpenApiEntry = z.output<ReturnType<typeof openApiSchema>>;

/** How the tools of a workspace are shown as an OpenAPI service. */
export function openApiSchema() {
	return z.strictObject({
		mcpo: z.enum(['fixed', 'strict']).exactOptional(),
		coercion: z.enum(['allow', 'deny']).exactOptional(),
		embeds: z.enum(['allow', 'deny']).exactOptional(),
	});
}

/** Where a workspace says nothing else. */
export const DEFAULT_OPEN_API: OpenApiSettings = Object.freeze({ mcpo: 'fixed', coercion: 'allow', embeds: 'deny' });

/** The settings that a faultless entry comes to, defaults filled in. */
export function buildOpenApi(entry: OpenApiEntry): OpenApiSettings {
	return { ...DEFAULT_OPEN_API, ...entry };
}
