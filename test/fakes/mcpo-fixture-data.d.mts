/** Definitions of tools. */
export const TOOLS: readonly (Readonly<Record<string, unknown>> & { readonly name: string })[];
/** A tool whose reference mcpo cannot follow, so that its server has no tools at all. */
export const FOREIGN: Readonly<Record<string, unknown>> & { readonly name: string };
/** Results by kind, as JSON text. */
export const RESULTS: Readonly<Record<string, string>>;
/** Errors by kind. */
export const ERRORS: Readonly<
	Record<string, { readonly code: number; readonly message: string; readonly data?: unknown }>
>;
/** Tools that mcpo cannot serve. */
export const STRANGE: typeof TOOLS;
