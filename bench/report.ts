import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import type { Case, Subject, Traffic } from './cases.ts';
import type { LoadResult } from './load-wire.ts';

/** A case and what each round measured of it. */
export interface Measured {
	readonly case: Case;
	readonly rounds: readonly LoadResult[];
}

interface Comparison {
	readonly traffic: Traffic;
	readonly base: Subject;
	/** The share of the base's calls/s that Portcullis must reach. */
	readonly goal?: number;
}

/** What Portcullis is compared with. */
const COMPARISONS: readonly Comparison[] = [
	{ traffic: 'http 2025-11-25', base: 'bare proxy', goal: 0.6 },
	{ traffic: 'http 2026-07-28', base: 'bare proxy', goal: 0.6 },
	{ traffic: 'stdio', base: 'direct', goal: 0.75 },
	{ traffic: 'stdio lean', base: 'direct' },
	{ traffic: 'stdio lean', base: 'bare proxy' },
];

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = (sorted.length - 1) / 2;
	return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

function medianOf(rounds: readonly LoadResult[], pick: (result: LoadResult) => number | undefined): number | undefined {
	const values = rounds.map(pick);
	return values.every((value) => value !== undefined) ? median(values) : undefined;
}

function format(value: number | undefined, digits: number): string {
	return value === undefined ? 'n/a' : value.toFixed(digits);
}

function toTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map((_cell, index) => (index < 2 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function rateRow({ case: { traffic, subject, connections }, rounds }: Measured): string[] {
	const figure = (pick: (result: LoadResult) => number | undefined, digits: number) =>
		format(medianOf(rounds, pick), digits);
	return [
		traffic,
		subject,
		String(connections),
		figure(({ callsPerSecond }) => callsPerSecond, 0),
		figure(({ p50Ms }) => p50Ms, 2),
		figure(({ p99Ms }) => p99Ms, 2),
		figure(({ cpuMicrosPerCall }) => cpuMicrosPerCall, 0),
	];
}

/** The median over rounds of a ratio taken within each round, so that a slow spell of the machine cancels out. */
function ratioOf(
	measured: Measured,
	base: Measured,
	pick: (result: LoadResult) => number | undefined,
): number | undefined {
	const ratios = measured.rounds.map((result, round) => {
		const other = base.rounds[round];
		const [value, baseValue] = [pick(result), other && pick(other)];
		return value === undefined || baseValue === undefined ? undefined : value / baseValue;
	});
	return ratios.every((ratio) => ratio !== undefined) ? median(ratios) : undefined;
}

function ratioRow(measured: Measured, other: Measured, goal: number | undefined): string[] {
	const ratio = (pick: (result: LoadResult) => number | undefined) => ratioOf(measured, other, pick);
	const rate = ratio(({ callsPerSecond }) => callsPerSecond) ?? 0;
	return [
		measured.case.traffic,
		other.case.subject,
		String(measured.case.connections),
		format(rate, 2),
		format(
			ratio(({ p50Ms }) => p50Ms),
			2,
		),
		format(
			ratio(({ cpuMicrosPerCall }) => cpuMicrosPerCall),
			2,
		),
		goal === undefined ? '–' : `≥ ${goal.toFixed(2)} ${rate >= goal ? 'reached' : 'missed'}`,
	];
}

/** A row for each comparison of one measurement of Portcullis. */
function ratioRows(measured: Measured, all: readonly Measured[]): string[][] {
	const { traffic, connections } = measured.case;
	return COMPARISONS.filter((comparison) => comparison.traffic === traffic).flatMap(({ base, goal }) => {
		const other = all.find(
			({ case: each }) => each.traffic === traffic && each.connections === connections && each.subject === base,
		);
		return other ? [ratioRow(measured, other, goal)] : [];
	});
}

/** What limits cost: the gateway with them over the gateway without. */
function limitRows(all: readonly Measured[]): string[][] {
	return all.flatMap((measured) => {
		const { traffic, subject, connections } = measured.case;
		if (subject !== 'Portcullis, limits') return [];
		const other = all.find(
			({ case: each }) => each.traffic === traffic && each.connections === connections && each.subject === 'Portcullis',
		);
		return other ? [[`${traffic}, limits`, ...ratioRow(measured, other, undefined).slice(1)]] : [];
	});
}

function machineNote(rounds: number): string {
	const cpu = os.cpus()[0]?.model.trim() ?? 'unknown CPU';
	return `${os.cpus().length} × ${cpu}, Node ${process.version}, ${os.platform()} ${os.release()}; medians of ${rounds} rounds.`;
}

/** The figures and the ratios as Markdown. */
export function formatReport(measured: readonly Measured[]): string {
	const figures = toTable(
		['traffic', 'through', 'connections', 'calls/s', 'p50 ms', 'p99 ms', 'CPU µs/call'],
		measured.map(rateRow),
	);
	const compared = measured
		.filter(({ case: each }) => each.subject === 'Portcullis')
		.flatMap((each) => ratioRows(each, measured));
	const rows = [...compared, ...limitRows(measured)];
	const ratios = toTable(['traffic', 'Portcullis ÷', 'connections', 'calls/s', 'p50', 'CPU', 'goal'], rows);
	const parts = [machineNote(measured[0]?.rounds.length ?? 0), figures, ...(rows.length > 0 ? [ratios] : [])];
	return parts.join('\n\n');
}

/** Puts the report between the markers of a file; everything else in it stays. */
export function writeReport(file: string, report: string): void {
	const text = readFileSync(file, 'utf8');
	const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
	if (begin < 0 || end < begin) throw new Error(`${file} lacks the markers ${BEGIN} and ${END}`);
	writeFileSync(file, `${text.slice(0, begin + BEGIN.length)}\n${report}\n${text.slice(end)}`);
}
