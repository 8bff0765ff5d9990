import { CONNECT_ERRORS } from './connect-errors.ts';
import { CREDENTIAL_ERRORS } from './credential-errors.ts';
import { EGRESS_ERRORS } from './egress-errors.ts';
import { type ErrorRow, row } from './error-row.ts';
import { IDENTITY_ERRORS } from './identity-errors.ts';
import { OAUTH_ERRORS } from './oauth-errors.ts';
import { RUNTIME_ERRORS } from './runtime-errors.ts';

/** Every error a caller can meet. `docs/errors.md` is tested against it. */
export const ERRORS = {
	PC_AUDIT_UNAVAILABLE: row(
		'audit',
		503,
		-31503,
		'The call was refused because its audit record could not be kept; try again later.',
	),
	PC_AUDIT_OUTCOME_LOST: row(
		'audit',
		503,
		-31503,
		'The call was carried out but its outcome could not be recorded; check its effect before you repeat it.',
	),

	...IDENTITY_ERRORS,
	...CONNECT_ERRORS,
	PC_PERSON_REQUIRED: row(
		'policy',
		403,
		-31403,
		'This key by itself only reads lists; a call needs a person, so let Open WebUI forward who is asking.',
	),

	PC_HOST_REFUSED: row('edge', 403, -31403, 'The gateway does not answer under this Host.'),
	PC_ORIGIN_REFUSED: row('edge', 403, -31403, 'Pages of this Origin may not call the gateway.'),
	PC_HEADER_INVALID: row('edge', 400, -32600, 'A header is repeated or malformed; send each header once.'),
	PC_ADDRESS_UNKNOWN: row('edge', 404, -31404, 'There is nothing at this address, or you may not use it.'),
	PC_METHOD_NOT_ALLOWED: row('edge', 405, -31405, 'Use the HTTP method that the Allow header names.'),
	PC_STREAM_NOT_ACCEPTED: row('edge', 406, -31406, 'The answer is an event stream; accept text/event-stream.'),
	PC_BODY_TOO_LARGE: row('edge', 413, -31413, 'The message is larger than the gateway accepts.'),
	PC_MEDIA_TYPE: row(
		'edge',
		415,
		-31415,
		'Send one JSON message with Content-Type: application/json and without Content-Encoding.',
	),
	PC_JSON_INVALID: row('edge', 400, -32700, 'The body is not valid JSON in UTF-8.'),
	PC_ARGUMENTS_INVALID: row('edge', 422, -32602, 'The arguments do not fit the tool; see its schema.'),
	PC_JSON_AMBIGUOUS: row(
		'edge',
		400,
		-32600,
		'The JSON repeats a member name, spells one twice in different case, or uses "__proto__"; send each name once.',
	),
	PC_JSON_TOO_DEEP: row('edge', 400, -32600, 'The JSON is nested too deeply or has too many values.'),
	PC_MESSAGE_INVALID: row(
		'edge',
		400,
		-32600,
		'The body is not a JSON-RPC 2.0 message: it needs "jsonrpc", and a "method" or a result.',
	),
	PC_ID_INVALID: row(
		'edge',
		400,
		-32600,
		'The id must be a string of at most 128 characters or an integer between -(2^53-1) and 2^53-1.',
	),
	PC_BATCH_REFUSED: row(
		'edge',
		400,
		-32600,
		'This protocol revision takes one message per request, or the batch is empty or too long.',
	),
	PC_HEADER_MISMATCH: row(
		'edge',
		400,
		-32020,
		'The request headers and the body disagree, or a required header is absent.',
	),
	PC_ENVELOPE_INVALID: row(
		'edge',
		400,
		-32602,
		'The request lacks a valid _meta with protocolVersion and clientCapabilities.',
	),
	PC_REVISION_UNSUPPORTED: row('edge', 400, -32022, 'This protocol revision is not supported.'),
	PC_LEGACY_REVISION_UNSUPPORTED: row(
		'edge',
		400,
		-32600,
		'The MCP-Protocol-Version header names a revision that is not supported.',
	),
	PC_SESSION_UNKNOWN: row('edge', 404, -31404, 'The session is unknown or has ended; initialize again.'),
	PC_TOO_MANY_OPEN: row(
		'edge',
		429,
		-31429,
		'You have too many event streams open, or calls in flight on one; wait until one has ended.',
	),
	PC_SHUTTING_DOWN: row('edge', 503, -31503, 'The gateway is stopping; send the call again in a moment.'),

	PC_METHOD_UNKNOWN: row('router', 200, -32601, 'This method is not available at this address.'),
	PC_PARAMS_INVALID: row(
		'router',
		200,
		-32602,
		'The parameters do not fit the method: a name, uri or reference is missing or not text.',
	),
	PC_TOOL_UNKNOWN: row(
		'router',
		200,
		-32602,
		'There is no such tool, or you may not use it; list the tools to see which you may.',
	),
	PC_TOOL_REFUSED: row(
		'policy',
		403,
		-31403,
		'You may not use this tool, or there is none of this name; ask an administrator of the workspace for it.',
	),
	PC_PROMPT_UNKNOWN: row('router', 200, -32602, 'There is no such prompt, or you may not use it.'),
	PC_RESOURCE_UNKNOWN: row('router', 200, -32602, 'There is no such resource, or you may not use it.'),
	PC_SESSION_NEEDED: row(
		'router',
		400,
		-32600,
		'A subscription belongs to a session; send the Mcp-Session-Id that initialize gave you.',
	),
	PC_SUBSCRIPTIONS_FULL: row(
		'router',
		200,
		-31429,
		'These are more resources than one session may watch; unsubscribe from some first.',
	),
	PC_CURSOR_INVALID: row(
		'router',
		200,
		-32602,
		'The cursor is not one that this list gave out; start from the beginning.',
	),
	PC_REQUEST_STATE_INVALID: row(
		'router',
		200,
		-32602,
		'The request state is not valid for this call, or has expired; make the call again without it.',
	),
	PC_TASK_UNKNOWN: row('router', 200, -32602, 'There is no such task, or it is not yours.'),
	PC_CAPABILITY_REQUIRED: row(
		'router',
		400,
		-32021,
		'The client does not declare a capability that this needs; see requiredCapabilities.',
	),

	PC_RATE_LIMITED: row(
		'limits',
		429,
		-31429,
		'You have reached a limit on calls; wait as many seconds as retry_after says, then try again.',
	),
	PC_SERVER_BUSY: row(
		'limits',
		503,
		-31503,
		'The server has as many calls under way as it may have at a time; try again in a second.',
	),
	PC_LIMITS_UNAVAILABLE: row(
		'limits',
		503,
		-31503,
		'The call was refused because it cannot be counted at the moment; try again shortly.',
	),

	...CREDENTIAL_ERRORS,

	...OAUTH_ERRORS,

	PC_UPSTREAM_UNREACHABLE: row(
		'upstream',
		502,
		-31502,
		'The server cannot be reached; try again shortly or tell the workspace administrator.',
	),
	PC_UPSTREAM_REFUSED: row(
		'upstream',
		502,
		-31502,
		'The server refused the credential of the workspace; tell its administrator.',
	),
	PC_UPSTREAM_REDIRECT: row(
		'upstream',
		502,
		-31502,
		'The server answered with a redirect, which the gateway never follows; tell the workspace administrator.',
	),
	PC_UPSTREAM_INVALID: row(
		'upstream',
		502,
		-31502,
		'The server answered with something that is not MCP; tell the workspace administrator.',
	),
	PC_UPSTREAM_FAILED: row(
		'upstream',
		502,
		-31502,
		'The server failed while it handled the call; check its effect before you repeat it.',
	),
	PC_UPSTREAM_CRASHED: row(
		'upstream',
		502,
		-31502,
		'The server stopped during the call; check its effect before you repeat it.',
	),
	PC_UPSTREAM_STARTING: row(
		'upstream',
		503,
		-31503,
		'The server failed to start and is waiting before the next try; try again shortly.',
	),
	PC_UPSTREAM_BUSY: row(
		'upstream',
		503,
		-31503,
		'The server is asking too many people something at the moment; try again shortly.',
	),
	...RUNTIME_ERRORS,
	PC_UPSTREAM_SESSION_LOST: row(
		'upstream',
		502,
		-31502,
		'The server ended the session during the call; check its effect before you repeat it.',
	),
	PC_UPSTREAM_TIMEOUT: row(
		'upstream',
		504,
		-31504,
		'The server did not answer in time; check the effect of the call before you repeat it.',
	),
	PC_UPSTREAM_TOO_LARGE: row(
		'upstream',
		502,
		-31502,
		'The answer of the server is larger than the gateway accepts; ask for less.',
	),
	PC_TOOLS_UNKNOWN: row(
		'upstream',
		503,
		-31503,
		'What there is to call is not known at the moment, since nobody could be asked; try again shortly.',
	),
	...EGRESS_ERRORS,
	PC_CALL_CANCELLED: row('upstream', 200, -31499, 'The call was cancelled.'),
	PC_QUESTION_IMPOSSIBLE: row(
		'upstream',
		409,
		-31409,
		'The tool wants to ask a person something, which cannot be done at this address; use it through an MCP client.',
	),
	PC_QUESTION_UNANSWERED: row(
		'upstream',
		200,
		-31408,
		'The server asked something and got no answer in time; make the call again.',
	),
	PC_CLIENT_FEATURE_UNSUPPORTED: row(
		'upstream',
		200,
		-32601,
		'The server needs to ask something (elicitation, sampling or roots) that this client did not say it can answer.',
	),

	PC_STORE_UNAVAILABLE: row(
		'store',
		503,
		-31503,
		'The database of the gateway is not to be had at the moment; nothing was changed, try again shortly.',
	),
	PC_CONFLICT: row('store', 409, -31409, 'Something with this name is already there, or is still in use.'),
	PC_CONFIGURATION_STALE: row(
		'store',
		503,
		-31503,
		'The gateway has been without its database for too long to go by what it knew; try again shortly.',
	),
	PC_NOT_FOUND: row('admin', 404, -31404, 'There is no such thing, or you may not see it.'),
	PC_LEVEL_TOO_LOW: row(
		'admin',
		403,
		-31403,
		'This needs a higher access level than you hold here; ask an administrator.',
	),
	PC_KEY_REFUSED: row('admin', 403, -31403, 'An API key may not do this; sign in with an access token.'),
	PC_KEY_OWNER_UNKNOWN: row(
		'admin',
		409,
		-31409,
		'A personal key needs somebody who is known without a token: have yourself named as a member of the workspace first.',
	),
	PC_OPERATOR_ONLY: row(
		'admin',
		403,
		-31403,
		'Programs and references to secrets of the gateway are for its operator alone to set; ask them.',
	),
	PC_SERVER_UNUSABLE: row(
		'admin',
		409,
		-31409,
		'The server is disabled, or cannot be used by this gateway; look at its state.',
	),
	PC_FILE_MANAGED: row(
		'admin',
		409,
		-31409,
		'This is managed by the configuration file of the gateway; change it there.',
	),
	PC_INPUT_INVALID: row('admin', 400, -31400, 'The request does not fit what this address takes; see errors.'),
	PC_IF_MATCH_MISSING: row('admin', 428, -31428, 'Send If-Match with the ETag of the version that you mean to change.'),
	PC_IF_MATCH_STALE: row(
		'admin',
		412,
		-31412,
		'It is not at the version you named; read it again and repeat your change.',
	),
	PC_IDEMPOTENCY_KEY_REUSED: row(
		'admin',
		422,
		-31422,
		'This Idempotency-Key came with another request before; choose a new one.',
	),
	PC_API_TIMEOUT: row(
		'admin',
		504,
		-31504,
		'The request took too long and was given up; check its effect before you repeat it.',
	),

	PC_INTERNAL: row('edge', 500, -32603, 'Something went wrong inside the gateway; tell its operator the request id.'),
} as const satisfies Record<string, ErrorRow>;

/** The stable name of an error; safe to compare, log and document. */
export type ErrorCode = keyof typeof ERRORS;
