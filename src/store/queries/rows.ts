/** Who may change a row: the management API, or only the file a gateway was started with. */
export type Manager = 'api' | 'file';

/** What every row that is managed has. */
export interface ManagedRow {
	readonly managedBy: Manager;
	/** Of the row, for If-Match. */
	readonly version: number;
	readonly createdAt: Date;
	readonly updatedAt: Date;
}

/** A part of a list: what comes after the last one seen, and how many at most. */
export interface Page {
	readonly after?: string | undefined;
	/** `undefined`: all. */
	readonly limit?: number | undefined;
}
