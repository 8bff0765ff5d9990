// A process that keeps records as fast as it can and ships them, until it is killed:
// `node audit-crash.mjs <spool folder> <store file> <name>`. Prints each record when it is told that it is kept.
import { appendFileSync, closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createShipper } from '../../dist/audit/ship-records.js';
import { createSpool } from '../../dist/audit/spool.js';
import { createTrails } from '../../dist/audit/trail.js';

const [folder, storeFile, name] = process.argv.slice(2);
const WORKERS = 8;

function report(text) {
	const bytes = Buffer.from(`${text}\n`);
	for (let at = 0; at < bytes.length; ) {
		try {
			at += writeSync(1, bytes, at);
		} catch (error) {
			if (error.code !== 'EAGAIN') throw error;
		}
	}
}

const keyOf = ({ time, request, kind }) => `${time} ${request} ${kind}`;

/** Stores each record once, and sometimes says that it did not although it did. */
function openStore() {
	closeSync(openSync(storeFile, 'a'));
	const text = readFileSync(storeFile, 'utf8');
	const whole = text.slice(0, text.lastIndexOf('\n') + 1);
	truncateSync(storeFile, Buffer.byteLength(whole));
	const keys = new Set(whole.split('\n').flatMap((line) => (line === '' ? [] : [keyOf(JSON.parse(line))])));
	return async (records) => {
		await delay(Math.random() * 5);
		const fresh = records.filter((record) => !keys.has(keyOf(record)));
		appendFileSync(storeFile, fresh.map(({ line }) => `${line}\n`).join(''));
		for (const record of fresh) keys.add(keyOf(record));
		if (Math.random() < 0.1) throw Object.assign(new Error('gone'), { code: 'PC_STORE_UNAVAILABLE' });
	};
}

const spool = createSpool({ folder, limitBytes: 256 * 1024 * 1024, segmentBytes: 16 * 1024, now: Date.now });
report(`abandoned ${spool.abandoned}`);
const open = createTrails({ records: spool, now: Date.now, onOutcome() {} });
const shipper = createShipper({ spool, ship: openStore(), onTrouble() {}, retryMs: 5 });

async function work(worker) {
	for (let count = 0; ; count++) {
		const request = `${name}-${worker}-${count}`;
		const trail = open(request);
		trail.note({ workspace: 'google', workspaceId: 'w-1', server: 's', tool: 't' });
		await trail.intend('c');
		report(`intent ${request}`);
		// Most calls are short; some outlive several segments.
		await (Math.random() < 0.9 ? new Promise(setImmediate) : delay(Math.random() * 100));
		await trail.close({ kind: 'empty', status: 202, headers: {} });
		report(`outcome ${request}`);
		await new Promise(setImmediate);
	}
}

async function ship() {
	for (;;) {
		await shipper.flush(AbortSignal.timeout(1_000));
		await delay(Math.random() * 10);
	}
}

await Promise.all([ship(), ...Array.from({ length: WORKERS }, (_, worker) => work(worker))]);
