import * as z from 'zod';

/** An access level as it is written in bodies and answers. */
export const LEVEL = z.enum(['read', 'write', 'admin']).meta({ id: 'AccessLevel', description: 'Weakest first.' });
