/** Why a gateway does not start on a database. */
export type StoreStartCode =
	| 'PC_DATABASE_SUPERUSER'
	| 'PC_DATABASE_OWNER'
	| 'PC_DATABASE_ROLE'
	| 'PC_DATABASE_UNPROTECTED'
	| 'PC_SCHEMA_OLD'
	| 'PC_SCHEMA_NEWER'
	| 'PC_SCHEMA_CHANGED'
	| 'PC_MIGRATION_FAILED';

/** A gateway that must not start: the message says what to do. Holds no secret. */
export class StoreStartError extends Error {
	override readonly name = 'StoreStartError';
	readonly code: StoreStartCode;

	constructor(code: StoreStartCode, message: string, options: { readonly cause?: unknown } = {}) {
		super(message, options);
		this.code = code;
	}
}
