import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the gateway of a data folder answers, for the command line beside it. */
export interface GatewayFile {
	readonly url: string;
	readonly pid: number;
}

const pathIn = (dataFolder: string): string => join(dataFolder, 'gateway.json');

/** Says in the data folder where its gateway answers. */
export function writeGatewayFile(dataFolder: string, gateway: GatewayFile): void {
	const next = `${pathIn(dataFolder)}.next`;
	rmSync(next, { force: true });
	writeFileSync(next, `${JSON.stringify(gateway)}\n`, { mode: 0o600, flag: 'wx' });
	renameSync(next, pathIn(dataFolder));
}

/** Takes the word back. */
export function removeGatewayFile(dataFolder: string): void {
	rmSync(pathIn(dataFolder), { force: true });
}

/** What a gateway said, perhaps one that is gone; `undefined`: none did. */
export function readGatewayFile(dataFolder: string): GatewayFile | undefined {
	try {
		return JSON.parse(readFileSync(pathIn(dataFolder), 'utf8')) as GatewayFile;
	} catch {
		return undefined;
	}
}

const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** The address at which this machine reaches what listens there. */
export function localUrl({ host, port }: { readonly host: string; readonly port: number }): string {
	const name = EVERYWHERE[host] ?? (host.includes(':') ? `[${host}]` : host);
	return `http://${name}:${port}`;
}
