/** The lists a server can say have changed; templates change with the resources. */
export type ChangedList = 'tools' | 'prompts' | 'resources';

/** The notification of each list, and the filter member that asks for it (mcp 2026-07-28: basic/subscriptions). */
export const CHANGED_LISTS: Readonly<Record<ChangedList, { readonly method: string; readonly filter: string }>> = {
	tools: { method: 'notifications/tools/list_changed', filter: 'toolsListChanged' },
	prompts: { method: 'notifications/prompts/list_changed', filter: 'promptsListChanged' },
	resources: { method: 'notifications/resources/list_changed', filter: 'resourcesListChanged' },
};

/** All of them, in the order they are told. */
export const ALL_LISTS: readonly ChangedList[] = ['tools', 'prompts', 'resources'];

/** Says that a resource has changed. */
export const RESOURCE_UPDATED = 'notifications/resources/updated';

/** First message of a subscription: what of its filter is kept. */
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

/** Filter member that names resources. */
export const RESOURCE_FILTER = 'resourceSubscriptions';
