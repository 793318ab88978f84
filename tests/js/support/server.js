// One chat-server process with its own port and data folder.

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { freePort } from './port.js';
import { Redis } from './redis.js';
import { eventually, within } from './wait.js';

export const BINARY =
  process.env.CHAT_SERVER_BIN ??
  fileURLToPath(new URL('../../../target/debug/chat-server', import.meta.url));
const START_MS = 30_000;
const LOG_KEPT_BYTES = 8_192;

/** Every limit that can be switched off, off. */
export const NO_LIMITS = Object.fromEntries(
  [
    'CONNECTIONS_PER_USER',
    'CONNECTIONS_PER_ADDRESS',
    'MESSAGE_BURST',
    'MESSAGES_PER_SECOND',
    'TYPING_BURST',
    'TYPING_PER_SECOND',
    'EVENT_BURST',
    'EVENTS_PER_SECOND',
    'ROOMS_PER_SOCKET',
  ].map((limit) => [`CHAT_LIMITS__${limit}`, '0']),
);

// Whatever happens to a test, its server does not stay behind.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Server {
  #child;
  #exited;
  #log = '';

  /**
   * Starts a server and waits until it can serve; `flags` are those of `serve`. What it shares with other servers
   * is `{databaseUrl, redis, keys}`.
   */
  static async start(env = {}, flags = [], shared = {}) {
    const server = new Server();
    server.flags = flags;
    server.folder = await mkdtemp(join(tmpdir(), 'chat-test-'));
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    server.keys = shared.keys ?? { secret: randomKey(), adminKey: randomKey() };
    server.databaseUrl = shared.databaseUrl ?? (await newDatabase(server.folder));
    // Each server gets a Redis of its own where the tests are to run with one.
    if (!shared.redis && process.env.TEST_REDIS) server.ownRedis = await Redis.start();
    server.redis = shared.redis ?? server.ownRedis;
    server.env = env;
    try {
      await server.launch();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** Starts the process: after `stop` or `kill`, on the same port and the same data. */
  async launch() {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing; make it with \`cargo build\``);
    // Settings of the surrounding shell must not leak in; an unknown one would even stop the start.
    const surroundings = Object.entries(process.env).filter(([name]) => !name.startsWith('CHAT_'));
    const child = spawn(BINARY, ['serve', ...this.flags], {
      cwd: this.folder,
      env: {
        ...Object.fromEntries(surroundings),
        CHAT_LISTEN: `127.0.0.1:${this.port}`,
        CHAT_DATABASE__URL: this.databaseUrl,
        ...(this.redis ? { CHAT_REDIS__URL: this.redis.url } : {}),
        CHAT_AUTH__SECRET: this.secret,
        CHAT_ADMIN__KEY: this.adminKey,
        ...this.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#log = (this.#log + text).slice(-LOG_KEPT_BYTES);
      });
    }
    this.#child = child;
    this.#exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    const lost = this.#exited.then(({ code, signal }) => {
      throw new Error(`${BINARY} ended with ${code ?? signal}`);
    });
    lost.catch(() => {});
    running.add(child);
    child.once('exit', () => running.delete(child));
    try {
      await Promise.race([eventually(() => this.isReady(), 'GET /readyz to answer 200', START_MS), lost]);
    } catch (error) {
      throw new Error(`${error.message}; its last words:\n${this.#log}`, { cause: error });
    }
  }

  get secret() {
    return this.keys.secret;
  }

  get adminKey() {
    return this.keys.adminKey;
  }

  async isReady() {
    const answer = await fetch(`${this.url}/readyz`).catch(() => null);
    await answer?.arrayBuffer();
    return answer?.status === 200;
  }

  get isRunning() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Asks the process to end, and says how it did: `{code, signal}`. */
  async stop(timeoutMs = 10_000) {
    this.#child.kill('SIGTERM');
    return within(timeoutMs, this.#exited, 'the server to end');
  }

  /** Ends the process as a power cut would. */
  async kill() {
    this.#child.kill('SIGKILL');
    return this.#exited;
  }

  async close() {
    if (this.#child?.pid && this.isRunning) await this.kill();
    await this.ownRedis?.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Memory held by the process, or null where the system does not tell. */
  async residentKib() {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8').catch(() => '');
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    return kib === undefined ? null : Number(kib);
  }
}

/** A database of its own: a file, or one on the server that the tests were started beside. */
export async function newDatabase(folder) {
  const url = process.env.TEST_POSTGRES_URL;
  if (!url) return `sqlite://${folder}/chat.db`;
  const name = `chat_${randomBytes(8).toString('hex')}`;
  await promisify(execFile)('psql', [`${url}/postgres`, '--quiet', '--command', `create database ${name}`]);
  return `${url}/${name}`;
}

function randomKey() {
  return randomBytes(32).toString('hex');
}
