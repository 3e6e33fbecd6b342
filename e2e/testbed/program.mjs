// A program started by a test: its output goes to a log file, its end is waited for, and nothing outlives the test.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { runFolder } from './run.mjs';
import { until } from './wait.mjs';

const running = new Set();
process.on('exit', () => {
  for (const program of running) program.kill();
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

export class Program {
  /** Starts `command`; its standard output and error are kept in `<run folder>/<name>.log`. */
  constructor(name, command, args, { cwd, env, input = false } = {}) {
    this.name = name;
    this.output = '';
    this.log = join(runFolder, `${name}.log`);
    this.child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'], detached: true });
    this.pid = this.child.pid;
    running.add(this);
    const file = createWriteStream(this.log);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk.toString('utf8');
        file.write(chunk);
      });
    }
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => {
        this.output += String(error);
        this.outcome = { code: -1, signal: null };
      });
      this.child.once('close', (code, signal) => {
        running.delete(this);
        file.end();
        this.outcome = { code, signal };
        resolve(this.outcome);
      });
    });
  }

  /** Waits until `condition()` holds; fails at once if the program ends before that. */
  async ready(condition, seconds = 15) {
    return until(
      async () => {
        if (this.outcome) throw new Error(`${this.name} ended with ${JSON.stringify(this.outcome)}:\n${this.tail()}`);
        return condition();
      },
      { seconds, what: `${this.name} ready\n${this.tail()}` },
    );
  }

  /** Waits for a match of `pattern` in the output, behind position `from`. */
  async says(pattern, { seconds = 10, from = 0 } = {}) {
    return until(() => pattern.exec(this.output.slice(from)), { seconds, what: `${this.name} says ${pattern}` });
  }

  /** Asks the program to end and waits; kills it if it doesn't. Resolves with the exit code and signal. */
  async stop(signal = 'SIGTERM', seconds = 10) {
    if (this.outcome) return this.outcome;
    this.child.kill(signal);
    const timer = setTimeout(() => this.kill(), seconds * 1000);
    const outcome = await this.ended;
    clearTimeout(timer);
    return outcome;
  }

  /** Kills it and the processes it has forked: it leads a process group of its own. */
  kill() {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // it has ended in the meantime
    }
  }

  tail(lines = 15) {
    return this.output.split('\n').slice(-lines).join('\n');
  }
}
