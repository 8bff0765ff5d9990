import { randomUUID } from 'node:crypto';
import type { Declared } from '../config/declared.ts';
import { type Change, planChanges, type Thing } from '../config/declared-plan.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import { applyChanges } from './apply-changes.ts';
import type { Manager } from './queries/rows.ts';
import { readStoredConfig, type StoredConfig } from './read-declared.ts';
import type { Store } from './store.ts';

/** What is to be there, and how far the wish goes. */
export interface Wish {
	readonly wanted: Declared;
	readonly actor: string;
	/** Names the run in the audit; a name of its own unless told. */
	readonly request?: string;
	/** `file`: for a gateway that is started with a file, which owns what it declares and nothing else. */
	readonly managedBy: Manager;
	/** `own`: only what `managedBy` manages and does not want any more. `all`: whatever is not wanted. */
	readonly prune: 'nothing' | 'own' | 'all';
	/** Whether what a file manages may be changed by others. */
	readonly takesOver: 'nothing' | 'file-managed';
}

/** The steps to what is wished, and those that are left out because a file manages the thing. */
export interface ConfigPlan {
	readonly changes: readonly Change[];
	readonly held: readonly Change[];
}

/** Two processes that start with one file make the same plan at once: the second makes it anew. */
const ATTEMPTS = 5;

/** What would change; changes nothing. */
export async function planConfig(store: Store, wish: Wish): Promise<ConfigPlan> {
	const stored = await readStoredConfig(store, { reason: 'plan-configuration', actor: wish.actor });
	return planFor(stored, wish);
}

/** Makes the store declare what is wished. Doing it twice changes nothing the second time. */
export async function applyConfig(store: Store, wish: Wish): Promise<ConfigPlan> {
	const { actor, managedBy, request: run = randomUUID() } = wish;
	for (let attempt = 1; ; attempt++) {
		// Records of an attempt that was half carried out keep their names.
		const request = attempt === 1 ? run : `${run}.${attempt}`;
		const stored = await readStoredConfig(store, { reason: 'apply-configuration', actor: wish.actor });
		const plan = planFor(stored, wish);
		if (plan.changes.length === 0) return plan;
		try {
			await applyChanges(store, plan.changes, { request, actor, managedBy, ids: stored.ids });
			return plan;
		} catch (error) {
			if (errorCode(error) !== 'PC_CONFLICT' || attempt === ATTEMPTS) throw error;
		}
	}
}

function planFor(stored: StoredConfig, { wanted, managedBy, prune, takesOver }: Wish): ConfigPlan {
	const isByFile = managedBy === 'file';
	const isForeign = (thing: Thing): boolean => {
		return !isByFile && takesOver === 'nothing' && stored.isFileManaged(thing);
	};
	const all = planChanges(stored.declared, wanted, {
		mayDelete(thing) {
			// The settings are one thing that is always there.
			if (prune === 'nothing' || thing.kind === 'settings') return false;
			return prune === 'all' || stored.isFileManaged(thing) === isByFile;
		},
		isSettled: (thing) => isForeign(thing) || stored.isFileManaged(thing) === isByFile,
	});
	return { changes: all.filter((change) => !isForeign(change)), held: all.filter(isForeign) };
}
