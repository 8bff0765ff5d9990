#!/usr/bin/env node
import { createProgram } from './cli/program.ts';
import { serve } from './cli/serve.ts';

const { env } = process;
await createProgram({ env, serve: (environment) => serve(environment, env) }).parseAsync();
