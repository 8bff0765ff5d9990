/** What can go wrong with the runtime folder, for programs to tell apart. */
export type RuntimeFault =
	| 'npm-missing'
	| 'registry-unreachable'
	| 'package-gone'
	| 'disk-full'
	| 'not-permitted'
	| 'install-failed'
	| 'wrong-package'
	| 'no-program'
	| 'runner-missing'
	| 'cancelled';

/** An installation that did not work. The message is for the operator: what happened and what to do. */
export class RuntimeError extends Error {
	override readonly name = 'RuntimeError';
	readonly fault: RuntimeFault;

	constructor(fault: RuntimeFault, message: string, options?: ErrorOptions) {
		super(message, options);
		this.fault = fault;
	}
}
