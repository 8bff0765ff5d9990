/** Why a gateway does not start, or a database is not copied: its folder has an owner, it does not run, or must not be used. */
export type StartErrorCode =
	| 'PC_DATA_FOLDER_TAKEN'
	| 'PC_STORE_START_FAILED'
	| 'PC_DATABASE_SUPERUSER'
	| 'PC_DATABASE_OWNER'
	| 'PC_DATABASE_ROLE'
	| 'PC_DATABASE_UNPROTECTED'
	| 'PC_SCHEMA_OLD'
	| 'PC_SCHEMA_NEWER'
	| 'PC_SCHEMA_CHANGED'
	| 'PC_MIGRATION_FAILED'
	| 'PC_BACKUP_FAILED'
	| 'PC_BACKUP_INVALID'
	| 'PC_RESTORE_REFUSED'
	| 'PC_KEYS_INVALID'
	| 'PC_KEYS_MISSING'
	| 'PC_KEYS_WRONG';

/** An error of the start, before there is any caller; its message is a sentence for the operator and holds no secret. */
export class StartError extends Error {
	override readonly name = 'StartError';
	readonly code: StartErrorCode;

	constructor(code: StartErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
		super(message, options);
		this.code = code;
	}
}
