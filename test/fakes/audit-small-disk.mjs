// Keeps calls until the system takes no more bytes, then goes on elsewhere: `node audit-small-disk.mjs <spool folder>`.
// Started where files are limited in size. Prints what it was told: requests kept, requests lost, and why.
import { createSpool } from '../../dist/audit/spool.js';

const spool = createSpool({ folder: process.argv[2], limitBytes: 2 ** 30, now: Date.now });
const told = { kept: [], lost: [], codes: [] };

async function keep(request, kind) {
	const mark = { kind, requestId: request, subject: { workspace: 'google' } };
	const line = JSON.stringify({ time: new Date().toISOString(), kind, request, detail: 'x'.repeat(100) });
	try {
		await spool.keepTogether(line, mark);
		told.kept.push(`${kind} ${request}`);
	} catch (error) {
		told.lost.push(`${kind} ${request}`);
		told.codes.push(error.code);
	}
}

for (let turn = 0; told.lost.length === 0; turn++) {
	const requests = [0, 1, 2, 3, 4].map((each) => `${turn}-${each}`);
	await Promise.all(requests.map((request) => keep(request, 'intent')));
}
const before = spool.unshippedBytes();
spool.reopen();
await keep('afterwards', 'outcome');
process.stdout.write(JSON.stringify({ ...told, before }));
