/** The stage of the pipeline (architecture: the path of a call) that an error comes from. */
export type Stage =
	| 'audit'
	| 'identity'
	| 'edge'
	| 'router'
	| 'policy'
	| 'limits'
	| 'credentials'
	| 'upstream'
	| 'config'
	| 'store'
	| 'admin';

/** One row of the error table. `http` and `rpc` are read by the edge alone. */
export interface ErrorRow {
	readonly stage: Stage;
	/** HTTP status of the answer; 200 where MCP wants the error in-band. */
	readonly http: number;
	/**
	 * JSON-RPC code. MCP's own where the specification names one; ours are -31000 minus an HTTP-like number, outside
	 * the range -32768…-32000 that JSON-RPC and MCP reserve.
	 */
	readonly rpc: number;
	/** One short sentence that says what to do; a person or a model reads it. */
	readonly sentence: string;
}

/** Builds a row. */
export const row = (stage: Stage, http: number, rpc: number, sentence: string): ErrorRow => ({
	stage,
	http,
	rpc,
	sentence,
});
