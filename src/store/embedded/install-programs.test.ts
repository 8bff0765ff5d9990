import { expect, it } from 'vitest';
import { installPrograms } from './install-programs.ts';

it('says what to do on a platform for which there are no programs', () => {
	const { arch } = process;
	Object.defineProperty(process, 'arch', { value: 'pdp11' });
	try {
		expect(() => installPrograms('/nowhere')).toThrow(
			expect.objectContaining({
				code: 'PC_STORE_START_FAILED',
				message: `There is no PostgreSQL of its own for this platform (${process.platform}-pdp11), or it was not installed; set DATABASE_URL to a database you run.`,
			}),
		);
	} finally {
		Object.defineProperty(process, 'arch', { value: arch });
	}
});
