import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { isConfigFaults } from './faults.ts';
import { parseConfig } from './parse-config.ts';

const CANARY = 'canary-7f3a';

function messageOf(text: string, env: NodeJS.ProcessEnv = {}): string {
	try {
		parseConfig(text, { file: 'p.yaml', env, version: 1, readSecretFile: () => `${CANARY}\r\nX: y` });
		return '';
	} catch (error) {
		if (!isConfigFaults(error)) throw error;
		return `${error.message}${error.stack}${JSON.stringify(error.faults)}`;
	}
}

describe('no fault shows a value', () => {
	const SERVER = 'workspaces: { g: { servers: { x: { transport: http, url: "https://u.example", headers:';

	test.each([
		['of a variable that is no header value', `${SERVER} { X-Key: "\${env:K}" } } } } }`],
		['of a file that is no header value', `${SERVER} { X-Key: "\${file:./k}" } } } } }`],
		['of a secret written out', `${SERVER} { Authorization: "Bearer ${CANARY}" } } } } }`],
		['of a header written without quotes', `${SERVER} { "Authorization: Bearer ${CANARY}" } } } } }`],
		['of a malformed reference', `${SERVER} { X-Key: "\${env:${CANARY}}" } } } } }`],
		['of a misplaced list', `${SERVER} [${CANARY}] } } } }`],
		['beside an error of the YAML', `a: "${CANARY}" ${CANARY}\nb: [`],
		['of an escape that YAML does not know', `a: "\\q${CANARY}"`],
		['of a tag', `a: !${CANARY} b`],
		['of an alias', `a: *${CANARY}`],
		['of an address', `publicUrl: "https://u:${CANARY}@p.example"`],
		['of a choice', `grants: [{ group: a, workspace: ${CANARY}, access: ${CANARY} }]`],
	])('%s', (_, text) => {
		const message = messageOf(text, { K: `${CANARY}\n` });
		expect(message).not.toBe('');
		expect(message).not.toContain(CANARY);
	});
});

describe('whatever the file', () => {
	test('nothing but ConfigFaults is thrown for text', () => {
		const text = fc.array(
			fc.oneof(
				fc.string(),
				fc.constantFrom(
					'\n',
					'- ',
					': ',
					'  ',
					'{',
					'}',
					'[',
					']',
					'&a',
					'*a',
					'<<',
					'!!',
					'|',
					'"',
					'${env:',
					'directories',
					'workspaces',
					'x',
				),
			),
		);
		fc.assert(
			fc.property(text, (pieces) => void messageOf(pieces.join(''))),
			{ numRuns: 150 },
		);
	});

	test('nothing but ConfigFaults is thrown for values of every shape in every place', () => {
		const name = fc.constantFrom(
			'directories',
			'workspaces',
			'grants',
			'limits',
			'google',
			'servers',
			'x',
			'transport',
			'headers',
			'env',
			'tools',
			'rules',
			'id',
			'issuer',
			'tenantId',
			'url',
			'hosts',
			'constructor',
			'__proto__',
			'',
		);
		const leaf = fc.oneof(
			fc.string(),
			fc.integer(),
			fc.double(),
			fc.boolean(),
			fc.constantFrom(null, 'http', 'stdio', '${env:A}', '*', 'https://u.example'),
		);
		const { node } = fc.letrec((tie) => ({
			node: fc.oneof(
				{ depthSize: 'large', withCrossShrink: true },
				leaf,
				fc.array(tie('node'), { maxLength: 3 }),
				fc.dictionary(name, tie('node'), { maxKeys: 5 }),
			),
		}));
		fc.assert(
			fc.property(fc.dictionary(name, node), (file) => void messageOf(stringify(file), { A: 'a' })),
			{ numRuns: 150 },
		);
	});
});
