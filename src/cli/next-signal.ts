/** npm passes on the Ctrl-C that the terminal has sent us already: what follows so soon is the same one. */
const SAME_SIGNAL_MS = 1_000;

/** The first SIGTERM or SIGINT. A second one means it: the process ends at once, and with it its children. */
export function nextSignal(): Promise<NodeJS.Signals> {
	return new Promise((resolve) => {
		let firstAt: number | undefined;
		const onSignal = (signal: NodeJS.Signals): void => {
			firstAt ??= performance.now();
			if (performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(1);
			resolve(signal);
		};
		process.on('SIGTERM', onSignal);
		process.on('SIGINT', onSignal);
	});
}
