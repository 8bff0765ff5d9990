import { type BridgeLayout, pathOfServer } from './bridge-address.ts';

/** What a bridge says of itself. */
export interface BridgeAbout {
	readonly title: string;
	readonly description: string;
	readonly version: string;
}

/** The document of a bridge with several servers: no operations, and a link to each of them, as mcpo writes it. */
export function rootDocument(about: BridgeAbout, layout: BridgeLayout, names: Iterable<string>): object {
	const links = [...names].map((name) => `\n    - [${name}](${pathOfServer(layout, name)}/docs)`);
	const list = links.length === 0 ? '' : `\n\n- **available tools**：${links.join('')}`;
	return {
		openapi: '3.1.0',
		info: { title: about.title, description: about.description + list, version: about.version },
		...(layout.rootPath !== '' && { servers: [{ url: layout.rootPath }] }),
		paths: {},
	};
}
