import { listAuditEvents } from '../store/queries/audit-event.ts';
import { verifyChain } from '../store/verify-chain.ts';
import { AUDIT_PAGE, AUDIT_QUERY, auditPage, VERIFICATION, VERIFICATION_QUERY, verification } from './audit.ts';
import { actorOf } from './caller.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

/** Records that belong to no workspace; that somebody reads them is one of them. */
export function createPlatformAuditRoutes({ store }: ResourceParts): readonly Route[] {
	return [
		defineRoute({
			id: 'listPlatformAuditRecords',
			method: 'GET',
			path: '/platform/audit',
			summary: 'What happened beside the workspaces, newest first',
			authorize: 'platform-admin',
			query: AUDIT_QUERY,
			responses: { 200: AUDIT_PAGE },
			async handle(context) {
				const why = { reason: 'read-audit', actor: actorOf(context.caller) };
				const body = await auditPage(context, (query) => store.asPlatform(why, (tx) => listAuditEvents(tx, query)));
				return { status: 200, body };
			},
		}),
		defineRoute({
			id: 'verifyPlatformAudit',
			method: 'GET',
			path: '/platform/audit/verification',
			summary: 'Whether all records that belong to no workspace are there, as they were written',
			authorize: 'platform-admin',
			query: VERIFICATION_QUERY,
			responses: { 200: VERIFICATION },
			async handle(context) {
				const why = { reason: 'verify-audit', actor: actorOf(context.caller) };
				const body = await verification(context, (part) => store.asPlatform(why, (tx) => verifyChain(tx, part)));
				return { status: 200, body };
			},
		}),
	];
}
