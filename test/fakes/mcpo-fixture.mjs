// The fixture server over stdio. Started as `node mcpo-fixture.mjs [strange]`.
import { createInterface } from 'node:readline';
import { answerTo } from './mcpo-fixture-answers.mjs';

const options = { isStrange: process.argv[2] === 'strange' };
for await (const line of createInterface({ input: process.stdin })) {
	const answer = answerTo(line, options);
	if (answer !== undefined) process.stdout.write(`${answer}\n`);
}
