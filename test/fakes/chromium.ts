import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const ARGUMENTS = [
	...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
	...['--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
];

/** The Chromium of this machine; `undefined` where it has none. */
export function machineChromium(): string | undefined {
	return PLACES.find((path) => existsSync(path));
}

/** A browser of its own, with nothing kept from before. */
export interface TestBrowser {
	/** A person's profile: cookies of its own. */
	profile(options?: Parameters<Awaited<ReturnType<typeof launch>>['newContext']>[0]): Promise<BrowserContext>;
	close(): Promise<void>;
}

/** Starts it. */
export async function startBrowser(): Promise<TestBrowser> {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-browser-'));
	const browser = await launch(folder);
	return {
		profile: (options) => browser.newContext(options),
		async close() {
			await browser.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

// Its home is the folder too, so that no profile of this machine is read or written.
function launch(folder: string) {
	const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder } as Record<
		string,
		string
	>;
	return chromium.launch({ executablePath: machineChromium() ?? '', args: ARGUMENTS, env });
}
