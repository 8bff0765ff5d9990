import type { ExactJson } from '../../lib/json-exact.ts';

/** HTTP methods of operations that become tools. */
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH' | 'HEAD';

/** One argument of a tool that travels outside of the body (OpenAPI 3.1 §4.8.12). */
export interface Parameter {
	/** Name among the tool's arguments. */
	readonly argument: string;
	/** Name in the address or of the header. */
	readonly name: string;
	readonly place: 'path' | 'query' | 'header';
	/** How lists and objects are written; `json` for parameters that are JSON texts. */
	readonly style: 'simple' | 'form' | 'spaceDelimited' | 'pipeDelimited' | 'deepObject' | 'json';
	readonly explode: boolean;
	readonly isRequired: boolean;
	readonly schema: ExactJson;
}

/** What the body of a request is made of. */
export interface BodyForm {
	readonly mediaType: string;
	readonly encoding: 'json' | 'form' | 'text';
	readonly isRequired: boolean;
	/** The argument that is the whole body; `undefined`: the members of the body are arguments themselves. */
	readonly whole: string | undefined;
	/** Whether arguments that nothing is said about belong to the body. */
	readonly isOpen: boolean;
	/** Members that are arguments. */
	readonly members: ReadonlySet<string>;
}

/** One operation of a service as a tool. */
export interface Operation {
	readonly tool: string;
	readonly method: Method;
	/** Path below the service's own: texts, percent-encoded, and parameters by name. */
	readonly path: readonly PathPiece[];
	readonly parameters: readonly Parameter[];
	readonly body: BodyForm | undefined;
	/** Whether answers are made as mcpo makes them of MCP results. */
	readonly isMcpo: boolean;
	readonly hasOutputSchema: boolean;
	/** The tool's definition, as JSON text. */
	readonly definition: string;
}

/** A piece of a path template. */
export type PathPiece = { readonly text: string } | { readonly parameter: string };

/** A service that a document describes. */
export interface Service {
	readonly title: string;
	readonly version: string;
	/** Path that all operations are below, without a slash at the end. */
	readonly basePath: string;
	/** By tool, in the document's order. */
	readonly operations: ReadonlyMap<string, Operation>;
}
