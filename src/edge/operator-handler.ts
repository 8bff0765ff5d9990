import type { RequestListener, ServerResponse } from 'node:http';

/** What the second listener tells operators and their probes. */
export interface OperatorView {
	/** Whether new calls are welcome. */
	isReady(): boolean;
	/** Prometheus text exposition. */
	metrics(): Promise<string>;
}

/** The handler of the second listener: `/healthz`, `/readyz`, `/metrics`. */
export function createOperatorHandler(view: OperatorView): RequestListener {
	return (request, response) => {
		const path = (request.url ?? '').split('?', 1)[0];
		if (path === '/healthz') return sendText(response, 200, 'ok\n');
		if (path === '/readyz')
			return view.isReady() ? sendText(response, 200, 'ready\n') : sendText(response, 503, 'draining\n');
		if (path !== '/metrics') return sendText(response, 404, 'not found\n');
		view.metrics().then(
			(text) => sendText(response, 200, text),
			() => sendText(response, 500, 'no metrics\n'),
		);
	};
}

function sendText(response: ServerResponse, status: number, text: string): void {
	response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
}
