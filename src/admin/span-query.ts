import * as z from 'zod';

/** A moment, as in `2026-11-22T23:10:00Z`. */
export const MOMENT = z.iso.datetime().transform((text) => new Date(text));

/** Query parameters of a span of time. */
export const SPAN_QUERY = {
	from: MOMENT.optional().describe('Not before this; UTC, as 2026-11-22T23:10:00Z.'),
	to: MOMENT.optional().describe('Before this; UTC.'),
};
