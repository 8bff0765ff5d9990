import { type Logger, pino } from 'pino';

/** Structured log, one JSON object a line, to stderr. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** A log at this level. Nothing that is logged may hold a secret; the redaction list is only the last net. */
export function createLog(level: string): Log {
	const redact = { paths: ['*.authorization', '*.headers', '*.env', '*.token'], censor: '[secret]' };
	return pino({ level, base: null, redact }, pino.destination({ fd: 2, sync: true }));
}
