/** Why the store cannot start: the data folder has an owner, or its database does not run. */
export type StartErrorCode = 'PC_DATA_FOLDER_TAKEN' | 'PC_STORE_START_FAILED';

/** An error of the start, before there is any caller; its message is a sentence for the operator and holds no secret. */
export class StartError extends Error {
	override readonly name = 'StartError';
	readonly code: StartErrorCode;

	constructor(code: StartErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
		super(message, options);
		this.code = code;
	}
}
