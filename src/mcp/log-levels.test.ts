import { expect, it } from 'vitest';
import { isLogLevel, LOG_LEVELS, reaches } from './log-levels.ts';

it('orders severities from debug to emergency', () => {
	for (const [threshold, level] of LOG_LEVELS.entries())
		for (const [severity, name] of LOG_LEVELS.entries()) expect(reaches(name, level)).toBe(severity >= threshold);
});

it('lets nothing pass that is no severity', () => {
	for (const other of [undefined, null, 7, 'INFO', 'warn', '', {}, 'constructor']) {
		expect(isLogLevel(other)).toBe(false);
		expect(reaches(other, 'debug')).toBe(false);
	}
});
