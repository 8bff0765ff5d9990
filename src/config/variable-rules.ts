import type { TemplateRules } from './read-templates.ts';

/**
 * Variables that change which program runs, or what it loads before its own code. The command of a server must say that
 * alone: a line that passes a review as "just an environment variable" must not.
 */
const LOADERS = new Set([
	...['PATH', 'PATHEXT', 'COMSPEC', 'SHELL'],
	...['BASH_ENV', 'ENV', 'SHELLOPTS', 'BASHOPTS', 'PROMPT_COMMAND', 'PS4', 'IFS', 'CDPATH', 'ZDOTDIR', 'FPATH'],
	...['GCONV_PATH', 'GLIBC_TUNABLES', 'OPENSSL_CONF', 'OPENSSL_ENGINES', 'OPENSSL_MODULES'],
	...['NODE_OPTIONS', 'NODE_PATH', 'NODE_REPL_EXTERNAL_MODULE', 'ELECTRON_RUN_AS_NODE', 'BUN_OPTIONS'],
	...['PYTHONSTARTUP', 'PYTHONPATH', 'PYTHONHOME', 'PYTHONUSERBASE', 'PYTHONEXECUTABLE', 'PYTHONPLATLIBDIR'],
	...['PYTHONINSPECT', 'PYTHONBREAKPOINT', 'PYTHONWARNINGS', 'PYTHONPYCACHEPREFIX'],
	...['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'UV_INDEX', 'UV_INDEX_URL', 'UV_DEFAULT_INDEX', 'UV_EXTRA_INDEX_URL'],
	...['PERL5OPT', 'PERL5LIB', 'PERLLIB', 'PERL5DB', 'PERL5SHELL'],
	...['RUBYOPT', 'RUBYLIB', 'RUBYSHELL', 'GEM_HOME', 'GEM_PATH', 'BUNDLE_GEMFILE'],
	...['JAVA_TOOL_OPTIONS', '_JAVA_OPTIONS', 'JDK_JAVA_OPTIONS', 'CLASSPATH', 'MAVEN_OPTS', 'GRADLE_OPTS'],
	...['DOTNET_STARTUP_HOOKS', 'DOTNET_ADDITIONAL_DEPS', 'DOTNET_ROOT', 'COMPLUS_STARTUP_HOOKS'],
	...['PHPRC', 'PHP_INI_SCAN_DIR', 'LUA_PATH', 'LUA_CPATH', 'R_PROFILE', 'R_PROFILE_USER', 'R_ENVIRON', 'TCLLIBPATH'],
	...['ERL_AFLAGS', 'ERL_FLAGS', 'ERL_ZFLAGS', 'ELIXIR_ERL_OPTIONS', 'JULIA_LOAD_PATH', 'GHCRTS', 'GOFLAGS'],
	...['GIT_SSH', 'GIT_SSH_COMMAND', 'GIT_ASKPASS', 'GIT_EDITOR', 'GIT_SEQUENCE_EDITOR', 'GIT_PAGER', 'GIT_EXEC_PATH'],
	...['GIT_EXTERNAL_DIFF', 'GIT_PROXY_COMMAND', 'GIT_TEMPLATE_DIR', 'SSH_ASKPASS', 'SUDO_ASKPASS'],
	...['EDITOR', 'VISUAL', 'PAGER', 'MANPAGER', 'BROWSER', 'LESSOPEN', 'LESSCLOSE'],
]);

/** The dynamic linkers, profilers, package runners and Git's settings have whole families. */
const FAMILIES = /^(?:LD_|DYLD_|CORECLR_|COR_|NPM_CONFIG_|LUA_INIT|GIT_CONFIG|BASH_FUNC_)/;

/** What `env` of a stdio server may hold. */
export const VARIABLE_RULES: TemplateRules = {
	spelling: (name) => name,
	nameFault(name) {
		if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'this is not the name of an environment variable';
		// Some programs read either case, and Windows knows none.
		const upper = name.toUpperCase();
		return LOADERS.has(upper) || FAMILIES.test(upper)
			? 'this variable changes what program runs; say it in "command" and "args"'
			: undefined;
	},
	valueFault: (rendered) => (rendered.includes('\0') ? 'a variable must not hold a NUL character' : undefined),
	mustRefer: () => false,
};
