import { counted } from './output.ts';

/** One step of a plan, as the management API tells it. */
export interface PlannedChange {
	readonly action: 'create' | 'update' | 'delete';
	readonly kind: string;
	readonly workspace?: string | null;
	readonly name: string;
	readonly fields?: readonly string[];
}

const SIGNS = { create: '+', update: '~', delete: '-' } as const;

/** One line for a step: a sign, what it is about, and what of it differs. */
export function changeLine({ action, kind, workspace, name, fields = [] }: PlannedChange): string {
	const place = typeof workspace === 'string' ? `${workspace}/` : '';
	const about = fields.length === 0 ? '' : `: ${fields.join(', ')}`;
	return `${SIGNS[action]} ${kind} ${place}${nameOf(kind, name)}${about}`;
}

// Grants and members are known by the JSON of what they match.
function nameOf(kind: string, name: string): string {
	if (kind !== 'grant' && kind !== 'member') return name;
	try {
		const parts = JSON.parse(name) as readonly (string | null)[];
		return kind === 'grant' ? grantName(parts) : (parts[2] ?? name);
	} catch {
		return name;
	}
}

function grantName([directory, claim, value]: readonly (string | null)[]): string {
	return `${claim} ${value}${directory === null ? '' : ` of ${directory}`}`;
}

/** What a plan comes to, in one sentence. */
export function planSummary(changes: readonly PlannedChange[]): string {
	const count = (action: PlannedChange['action']): number => changes.filter((each) => each.action === action).length;
	const parts = [`${count('create')} to make`, `${count('update')} to change`, `${count('delete')} to delete`];
	return `${counted(changes.length, 'change')}: ${parts.join(', ')}.`;
}
