import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modern, type PlainAnswer, post } from '../gateway.ts';
import { type HistoryGateway, startHistoryGateway } from '../history-gateway.ts';
import { startDatabaseProxy } from '../history-proxy.ts';
import { type ConnectingWorld, RING_KEY } from './connecting-world.ts';

/** Gateways as processes of their own, over the database of a world. */
export interface GatewayProcesses {
	/** Calls `who_am_i` at the process of this number; its text, or the code of the error. */
	whoAmI(index: number, token: string, workspace?: string): Promise<string>;
	/** Ends it at once, with what it is doing. */
	kill(index: number): Promise<void>;
	output(): string;
	close(): Promise<void>;
}

/** Starts so many. */
export async function startGatewayProcesses({ database }: ConnectingWorld, count: number): Promise<GatewayProcesses> {
	const proxy = await startDatabaseProxy(database.app);
	const root = mkdtempSync(join(tmpdir(), 'portcullis-oauth-'));
	const env = {
		PATH: process.env['PATH'] ?? '',
		DATABASE_URL: proxy.urlFor(database.app),
		DATABASE_PLATFORM_URL: proxy.urlFor(database.platform),
		PORTCULLIS_KEYS: `test:${RING_KEY.toString('hex')}`,
		PORTCULLIS_EGRESS_ALLOW: '127.0.0.0/8',
	};
	const gateways = Array.from({ length: count }, () => startHistoryGateway(mkdtempSync(join(root, 'p-')), env));
	const urls = await Promise.all(gateways.map(urlOf));
	const message = modern('tools/call', { name: 'who_am_i', arguments: {} });
	return {
		async whoAmI(index, token, workspace = 'google') {
			const headers = { ...message.headers, authorization: `Bearer ${token}` };
			return said(await post(`${urls[index]}/w/${workspace}/s/files/mcp`, message.body, headers));
		},
		async kill(index) {
			gateways[index]?.signal('SIGKILL');
			await gateways[index]?.exited;
		},
		output: () => gateways.map(({ output }) => output()).join('\n'),
		async close() {
			for (const gateway of gateways) gateway.signal('SIGKILL');
			await Promise.all(gateways.map(({ exited }) => exited));
			await proxy.close();
			rmSync(root, { recursive: true, force: true });
		},
	};
}

/** What a call of `who_am_i` said: the account, or the code of the error. */
export function said({ json, text }: PlainAnswer): string {
	return json?.result?.content?.[0]?.text ?? json?.error?.data?.code ?? json?.result?.structuredContent?.code ?? text;
}

async function urlOf({ ready, output }: HistoryGateway): Promise<string> {
	const url = await ready;
	if (url === undefined) throw new Error(`a gateway ended before it was ready: ${output()}`);
	return url;
}
