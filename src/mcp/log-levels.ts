/** Severities of `notifications/message`, mildest first (RFC 5424 words; mcp: server/utilities/logging). */
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const;

/** A severity. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether a value names a severity. */
export function isLogLevel(value: unknown): value is LogLevel {
	return (LOG_LEVELS as readonly unknown[]).includes(value);
}

/** Whether a message of this severity passes a caller's threshold. */
export function reaches(severity: unknown, threshold: LogLevel): boolean {
	return isLogLevel(severity) && LOG_LEVELS.indexOf(severity) >= LOG_LEVELS.indexOf(threshold);
}
