import { readFileSync } from 'node:fs';
import { childVariables, type Environment } from '../config/environment.ts';
import type { CommandIo, Serve } from './command.ts';
import { createDemoDirectory } from './demo-directory.ts';
import { demoPaths, prepareDemoFolder, writeDemoConfig } from './demo-folder.ts';
import { startDemoServers } from './demo-servers.ts';
import { createDemoSignIn } from './demo-sign-in.ts';

/** What the demo runs with. */
export interface DemoParts {
	readonly environment: Environment;
	readonly serve: Serve;
	readonly io: CommandIo;
}

/** Runs the gateway for a made-up company with its own directory and real servers, until a signal. */
export async function runDemo({ environment, serve, io }: DemoParts): Promise<void> {
	const paths = demoPaths(environment.dataFolder);
	prepareDemoFolder(paths);
	const demoDirectory = await createDemoDirectory(paths.directory);
	const signIn = createDemoSignIn(demoDirectory, readFileSync(paths.signInSecret, 'utf8').trim());
	const directory = await demoDirectory.serve(0, signIn.handle);
	const servers = await startDemoServers(paths, childVariables(io.env));
	try {
		writeDemoConfig(paths, directory.directory, servers.urls);
		const serving = await serve({ ...environment, configFile: paths.config });
		io.out(welcome(serving.port));
		await serving.stopped;
	} finally {
		await servers.close();
		await directory.close();
	}
}

function welcome(port: number): string {
	const url = `http://127.0.0.1:${port}`;
	const call = `curl -s ${url}/mcp -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json'`;
	const read = '{"name":"google__files__read_text_file","arguments":{"path":"welcome.md"}}';
	return [
		`Portcullis is ready: ${url}`,
		'',
		'Try it in another terminal, in this folder:',
		'',
		'  TOKEN=$(npm run -s portcullis -- token employee-a@company.example)',
		`  ${call} -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`,
		`  ${call} -d '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":${read}}'`,
		'',
		`People connect their own accounts in a browser: ${url}/connect`,
		'',
		'Ctrl-C stops the gateway and its servers.',
	].join('\n');
}
