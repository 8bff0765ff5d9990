import { Command } from 'commander';
import { addApplyCommand } from './apply.ts';
import { addAuditCommands } from './audit.ts';
import { addBackupCommands } from './backup.ts';
import { addBridgeCommand } from './bridge.ts';
import { addCatalogueCommands } from './catalogue.ts';
import type { CommandIo, Serve } from './command.ts';
import { addConfigCommands } from './config.ts';
import { addCredentialCommands } from './credential.ts';
import { addExplainCommand } from './explain.ts';
import { addExportCommand } from './export.ts';
import { addGrantCommands } from './grant.ts';
import { addImportCommands } from './import.ts';
import { addKeyCommands } from './key.ts';
import { addMcpoDiffCommand } from './mcpo-diff.ts';
import { addMemberCommands } from './member.ts';
import { addMigrateCommand } from './migrate.ts';
import { addOpenWebUiCommands } from './open-webui.ts';
import { printable } from './output.ts';
import { addRuntimeCommands } from './runtime.ts';
import { addDemoCommand, addServeCommand } from './serve-commands.ts';
import { addServerCommands } from './server.ts';
import { askTerminal } from './terminal.ts';
import { addTokenCommand } from './token.ts';
import { addToolCommands } from './tool.ts';
import { addToolsetCommands } from './toolset.ts';
import { addUsageCommand } from './usage.ts';
import { addWorkspaceCommands } from './workspace.ts';

/** What the program works with. */
export interface ProgramParts {
	readonly env: NodeJS.ProcessEnv;
	readonly serve: Serve;
}

const COMMANDS: readonly ((program: Command, io: CommandIo) => void)[] = [
	addTokenCommand,
	addExplainCommand,
	addConfigCommands,
	addWorkspaceCommands,
	addServerCommands,
	addRuntimeCommands,
	addCatalogueCommands,
	addToolCommands,
	addToolsetCommands,
	addGrantCommands,
	addMemberCommands,
	addKeyCommands,
	addCredentialCommands,
	addOpenWebUiCommands,
	addAuditCommands,
	addUsageCommand,
	addApplyCommand,
	addExportCommand,
	addImportCommands,
	addMcpoDiffCommand,
	addMigrateCommand,
	addBackupCommands,
];

/**
 * The command line. Exit codes: 0 done, 1 refused or failed, 2 used wrongly or faulty settings or configuration, 3 the
 * gateway or its database cannot be reached.
 */
export function createProgram({ env, serve }: ProgramParts): Command {
	const io: CommandIo = {
		env,
		out: (text) => process.stdout.write(`${text}\n`),
		fail: (text) => process.stderr.write(`${printable(text)}\n`),
		ask: askTerminal,
	};
	const program = new Command('portcullis')
		.description('A multi-tenant gateway for the Model Context Protocol')
		.showHelpAfterError()
		// What stands after a command and -- is its own, options and all.
		.enablePositionalOptions()
		.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
	addServeCommand(program, { io, serve });
	addDemoCommand(program, { io, serve });
	addBridgeCommand(program, io);
	for (const add of COMMANDS) add(program, io);
	return program;
}
