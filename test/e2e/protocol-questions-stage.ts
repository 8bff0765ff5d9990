import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import type { Keeper } from './protocol-clients.ts';
import { type LegacyChat, legacyChat, type ModernChat, modernChat } from './protocol-questions-chat.ts';
import { type AskingServer, type AskingTool, startAskingServer } from './protocol-questions-server.ts';

type Json = Readonly<Record<string, unknown>>;

/** The address where the gateway holds the session of every server, whatever the eras. */
export const AGGREGATE = '/w/google/mcp';

/** A gateway for these servers of the workspace `google`, which the group `G` may use. */
export async function gatewayFor(keep: Keeper, servers: Json): Promise<TestGateway> {
	const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
	return keep(await startGateway({ workspaces: { google: { servers } }, grants }));
}

/** A legacy http server named `odd`, a gateway before it, and callers. */
export interface Stage {
	readonly server: AskingServer;
	readonly gateway: TestGateway;
	/** A modern caller at the server's own address. */
	modern(capabilities?: object): ModernChat;
	/** A legacy caller at the workspace's address. */
	legacy(capabilities?: object): Promise<LegacyChat>;
}

/** Sets one with these tools; `more` are members of the server's entry. */
export async function stageWith(
	keep: Keeper,
	tools: Readonly<Record<string, AskingTool>>,
	more: Json = {},
): Promise<Stage> {
	const server = keep(await startAskingServer(tools));
	const gateway = await gatewayFor(keep, { odd: { transport: 'http', url: server.url, ...more } });
	const token = gateway.tokenFor(['G']);
	return {
		server,
		gateway,
		modern: (capabilities) => modernChat(`${gateway.url}/w/google/s/odd/mcp`, token, capabilities),
		legacy: (capabilities) => legacyChat(gateway.url + AGGREGATE, token, capabilities),
	};
}
