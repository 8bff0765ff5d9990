import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

const IDLE = { openSessions: () => 0, inFlight: () => 0 };

describe('the metrics', () => {
	it('begin with the counters that must stay 0', async () => {
		const text = await createMetrics(IDLE).text();
		for (const name of ['portcullis_tripwire_total', 'portcullis_misdirected_total', 'portcullis_upstream_sessions'])
			expect(text).toMatch(new RegExp(`^${name} 0$`, 'm'));
	});

	it('count calls by outcome and stage, and by nothing that a caller could choose', async () => {
		const metrics = createMetrics({ openSessions: () => 3, inFlight: () => 7 });
		metrics.call('ok', 'none', 12);
		metrics.call('ok', 'none', 12);
		metrics.call('refused', 'identity', 1);
		metrics.trip();
		metrics.misdirected();
		metrics.limited('workspace');
		metrics.rateStoreFailed();
		const text = await metrics.text();
		expect(text).toContain('portcullis_calls_total{outcome="ok",stage="none"} 2');
		expect(text).toContain('portcullis_calls_total{outcome="refused",stage="identity"} 1');
		expect(text).toContain('portcullis_call_seconds_count 3');
		expect(text).toContain('portcullis_call_seconds_bucket{le="0.05"} 3');
		expect(text).toMatch(/^portcullis_tripwire_total 1$/m);
		expect(text).toMatch(/^portcullis_upstream_sessions 3$/m);
		expect(text).toMatch(/^portcullis_in_flight 7$/m);
		expect(text).toMatch(/^portcullis_limited_total\{limit="workspace"\} 1$/m);
		expect(text).toMatch(/^portcullis_rate_store_errors_total 1$/m);
		const labels = [...text.matchAll(/(\w+)="/g)].map((match) => match[1]);
		expect(new Set(labels)).toEqual(new Set(['outcome', 'stage', 'le', 'limit']));
	});

	it('are not shared between two gateways', async () => {
		const [one, other] = [createMetrics(IDLE), createMetrics(IDLE)];
		one.trip();
		expect(await other.text()).toMatch(/^portcullis_tripwire_total 0$/m);
	});
});
