/** Runs one statement with bind parameters and gives its rows. */
export type Query = <Row>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

declare const workspaceBrand: unique symbol;
declare const platformBrand: unique symbol;

/** A transaction that sees one workspace. Only `queries/` may call `query`. */
export interface WorkspaceTx {
	readonly workspaceId: string;
	readonly query: Query;
	readonly [workspaceBrand]: true;
}

/** A transaction that sees what crosses workspaces, and no workspace's own rows. Only `queries/` may call `query`. */
export interface PlatformTx {
	readonly query: Query;
	readonly [platformBrand]: true;
}

/** Why something crosses workspaces. */
export interface PlatformReason {
	/** What for, in words of a program: `create-workspace`. */
	readonly reason: string;
	/** Who wants it: a principal key, `operator`, or `gateway` itself. */
	readonly actor: string;
	/** The workspace whose records may be taken away in this transaction. */
	readonly erased?: string;
}
