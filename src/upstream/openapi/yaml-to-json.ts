import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/** What the thread does. It is text, since a thread of a file of ours would need that file as JavaScript. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { parse } = require(workerData.yaml);
// Names of members are not compared here: with many of them that takes for ever. The last one counts, as in JSON.
const options = { schema: 'core', uniqueKeys: false, stringKeys: true, logLevel: 'silent', prettyErrors: false };
parentPort.postMessage(JSON.stringify(parse(workerData.text, options)));
`;

/** Memory of the thread, megabytes: aliases make a large document of a small text. */
const MOST_MEGABYTES = 256;

/**
 * The JSON text of a text in YAML; rejects where it is none, or takes longer than `ms` milliseconds. In a thread of its
 * own, since there are texts that keep a parser of YAML busy for minutes.
 */
export function yamlToJson(text: string, ms: number): Promise<string> {
	const yaml = createRequire(import.meta.url).resolve('yaml');
	const worker = new Worker(PROGRAM, {
		eval: true,
		workerData: { text, yaml },
		env: {},
		execArgv: [],
		resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
	});
	return new Promise<string>((resolve, reject) => {
		const timer = setTimeout(() => void worker.terminate(), ms);
		worker.once('message', (json: unknown) =>
			typeof json === 'string' ? resolve(json) : reject(new Error('no value')),
		);
		worker.once('error', reject);
		worker.once('exit', () => {
			clearTimeout(timer);
			reject(new Error('the thread ended before it was done'));
		});
	});
}
