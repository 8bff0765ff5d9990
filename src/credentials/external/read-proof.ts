import { readFile } from 'node:fs/promises';
import { StoreFailure } from './store-failure.ts';

/** No proof of identity is longer; a larger file was named by mistake. */
const MOST_CHARACTERS = 64 * 1024;

/** Text of a file that proves who the gateway is: read each time, since a platform renews such files in place. */
export async function readProof(path: string, place: string): Promise<string> {
	const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
		throw new StoreFailure('unavailable', `${place}: its file cannot be read (${error.code})`);
	});
	const proof = text.trim();
	if (proof === '' || proof.length > MOST_CHARACTERS || /[\x00-\x20\x7f-\uffff]/.test(proof)) {
		throw new StoreFailure('unavailable', `${place}: its file holds no token`);
	}
	return proof;
}
