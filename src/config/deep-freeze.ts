/** Freezes plain data all the way down. Maps and Sets cannot be frozen; their types keep them from being written. */
export function deepFreeze<T>(value: T): T {
	if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
	const held = value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
	for (const item of held) deepFreeze(item);
	return Object.freeze(value);
}
