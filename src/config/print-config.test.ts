import { describe, expect, test } from 'vitest';
import { canonicalDigest } from './canonical-digest.ts';
import { type ParseOptions, parseConfig, readConfig } from './parse-config.ts';
import { printConfig } from './print-config.ts';

const OPTIONS: ParseOptions = {
	file: 'portcullis.yaml',
	env: { KEY: 'canary-env' },
	version: 1,
	readSecretFile: () => 'canary-file',
};

const TEXT = `
publicUrl: https://mcp.example.com
origins: [https://chat.example.com]
directories:
  - { id: a, issuer: "https://i.example/{tid}", tenantId: t-1, audiences: [x], jwksUrl: "http://localhost:1/keys" }
  - { id: b, issuer: "https://i.example/{tid}", tenantId: t-2, audiences: [x, y], jwksUrl: "https://i.example/keys" }
  - id: c
    issuer: https://i.example/{tid}
    tenantId: t-3
    audiences: [x]
    jwksUrl: https://i.example/keys?appid=7
    v1Issuer: https://sts.example/{tid}/
    clientApps: [client-1]
    scopes: [api://gateway/mcp.access]
    guests: deny
    graph: { clientId: g, clientSecret: "\${file:./graph.key}", baseUrl: "https://graph.example" }
workspaces:
  google:
    title: The $\${first}
    servers:
      jira:
        transport: sse
        url: http://jira.internal/mcp?space=a b
        allowPlainHttp: true
        era: legacy
        headers: { Authorization: "Bearer \${file:./jira.key}", X-Plain: "$\${env:KEY}" }
      files:
        transport: stdio
        command: node
        args: [server.js, "$\${HOME}", "8080", ""]
        cwd: /data
        env: { API_KEY: "\${env:KEY}", MODE: "yes" }
        isolation: principal
        tools: { default: disabled, rules: { write_file: { enabled: true, minimumLevel: admin, description: "$\${x}" } } }
    audit: best-effort
    rateLimits: { workspace: { perMinute: 60 }, tools: { jira/create: { perMinute: 5, burst: 1 } }, daily: { principal: 9 } }
    openApi: { mcpo: strict, embeds: allow }
    toolsets: { all: { title: "$\${t}", tools: [jira/create, files/a/b, "files/$\${c}"] } }
    members:
      - { oid: o-1, access: read, directory: b, name: "$\${Ada}" }
      - { oid: o-1, access: write, directory: a }
grants:
  - { group: MCP-Google, workspace: google, access: write, directory: a }
  - { role: Gateway.Admin, workspace: "*", access: admin, directory: b }
limits: { jsonDepth: 5, upstream: { idleMs: 7 }, rate: { principal: { perMinute: 7, burst: 70 }, daily: { workspace: 8 } } }
`.replace('a b', 'ab');

describe('the printed configuration', () => {
	test('is a file that means the same', () => {
		const { snapshot, references } = readConfig(TEXT, OPTIONS);
		const again = parseConfig(printConfig(snapshot, references), OPTIONS);
		const { workspaces, directories } = again;
		expect(again).toEqual({ ...snapshot, workspaces, directories });
		expect(canonicalDigest(again)).toBe(canonicalDigest(snapshot));
	});

	test('shows references in place of secrets, and defaults where the file says nothing', () => {
		const { snapshot, references } = readConfig(TEXT, OPTIONS);
		const printed = printConfig(snapshot, references);
		expect(printed).toContain('authorization: Bearer ${file:./jira.key}');
		expect(printed).toContain('API_KEY: ${env:KEY}');
		expect(printed).toContain('clientSecret: ${file:./graph.key}');
		expect(printed).toContain('tokenUrl: https://login.microsoftonline.com/t-3/oauth2/v2.0/token');
		expect(printed).toContain('firstByteMs: 30000');
		expect(printed).not.toContain('canary');
	});

	test('shows [secret] where it does not know the reference', () => {
		const printed = printConfig(parseConfig(TEXT, OPTIONS));
		expect(printed).toContain('authorization: Bearer [secret]');
		expect(printed).not.toContain('canary');
	});

	test('masks what is written out under a name that says it is a secret', () => {
		const text = TEXT.replace('MODE: "yes"', 'DB_PASSWORD: canary').replace(
			'mcp?space=ab',
			'mcp?space=ab&apiKey=canary',
		);
		const printed = printConfig(parseConfig(text, OPTIONS));
		expect(printed).not.toContain('canary');
		expect(printed).toContain('space=ab');
	});
});
