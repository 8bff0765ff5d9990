import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** The gateway's metrics. Labels come from fixed sets, so that no caller can add series or leave names behind. */
export interface Metrics {
	/** One call has ended. */
	call(outcome: string, stage: string, durationMs: number): void;
	/** An answer met a request it did not belong to. Must stay 0. */
	trip(): void;
	/** An upstream answered with an id nobody waits for. */
	misdirected(): void;
	/** A workspace with best-effort audit goes without a record. */
	auditDropped(): void;
	/** A limit refused a call; its name is one of a fixed set. */
	limited(limit: string): void;
	/** The store of the limits did not answer. */
	rateStoreFailed(): void;
	/** Prometheus text exposition. */
	text(): Promise<string>;
}

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];

/** What is asked when somebody looks. */
export interface Gauges {
	/** Open sessions with upstream servers. */
	openSessions(): number;
	/** Calls under way to upstream servers. */
	inFlight(): number;
}

/** A registry of its own, so that two gateways in one process do not share counts. */
export function createMetrics(gauges: Gauges): Metrics {
	const registers = [new Registry()];
	const calls = new Counter({
		name: 'portcullis_calls_total',
		help: 'Calls by how they ended and, for refusals and failures, in which stage',
		labelNames: ['outcome', 'stage'],
		registers,
	});
	const duration = new Histogram({
		name: 'portcullis_call_seconds',
		help: 'Time from the first byte of a call to its outcome',
		buckets: SECONDS,
		registers,
	});
	const trips = new Counter({
		name: 'portcullis_tripwire_total',
		help: 'Answers dropped because their stamp did not match',
		registers,
	});
	const misdirected = new Counter({
		name: 'portcullis_misdirected_total',
		help: 'Upstream answers dropped because nobody waits for their id',
		registers,
	});
	const dropped = new Counter({
		name: 'portcullis_audit_dropped_total',
		help: 'Audit records that could not be kept and that best-effort workspaces go without',
		registers,
	});
	const limited = new Counter({
		name: 'portcullis_limited_total',
		help: 'Calls and sign-ins that a limit refused, by limit',
		labelNames: ['limit'],
		registers,
	});
	const rateStoreErrors = new Counter({
		name: 'portcullis_rate_store_errors_total',
		help: 'Questions to the store of the limits that failed',
		registers,
	});
	addGauge(registers, { name: 'portcullis_upstream_sessions', help: 'Open sessions with upstream servers' }, () =>
		gauges.openSessions(),
	);
	addGauge(registers, { name: 'portcullis_in_flight', help: 'Calls under way to upstream servers' }, () =>
		gauges.inFlight(),
	);
	return {
		call(outcome, stage, durationMs) {
			calls.inc({ outcome, stage });
			duration.observe(durationMs / 1_000);
		},
		trip: () => trips.inc(),
		misdirected: () => misdirected.inc(),
		auditDropped: () => dropped.inc(),
		limited: (limit) => limited.inc({ limit }),
		rateStoreFailed: () => rateStoreErrors.inc(),
		text: () => (registers[0] as Registry).metrics(),
	};
}

function addGauge(registers: Registry[], named: { readonly name: string; readonly help: string }, read: () => number) {
	new Gauge({
		...named,
		registers,
		collect() {
			this.set(read());
		},
	});
}
