import type { RequestListener } from 'node:http';
import type { SnapshotSource } from '../config/snapshot.ts';
import { checkNames } from '../edge/check-headers.ts';
import { apiMetadataUrl } from '../edge/protected-resource.ts';
import { sendBody } from '../edge/send-answer.ts';
import { commonHeaders, headersOf, receive } from '../edge/visitor.ts';
import { toPortcullisError } from '../errors/portcullis-error.ts';
import { buildDocument } from './build-document.ts';
import { problemOf } from './problem.ts';
import type { Route } from './route.ts';

/** Answers with the document of the API: the same for everybody, so nobody is asked who they are. */
export function createDocumentHandler(routes: readonly Route[], snapshots: SnapshotSource): RequestListener {
	const document = JSON.stringify(buildDocument(routes));
	return (request, response) => {
		const visitor = receive(snapshots, request, response);
		const common = { ...commonHeaders(visitor), 'cache-control': 'no-store' };
		const { names } = snapshots.current();
		try {
			checkNames(headersOf(visitor), names);
			sendBody({ response, common }, 200, {}, document);
		} catch (error) {
			const resourceMetadataUrl = apiMetadataUrl(request, names);
			const refused = { requestId: visitor.requestId, resourceMetadataUrl, allow: [] };
			const { status, headers, text } = problemOf(toPortcullisError(error), refused);
			sendBody({ response, common }, status, headers, text);
		}
	};
}
