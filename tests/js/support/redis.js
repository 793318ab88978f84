// One Redis process of its own, that keeps nothing on disk.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

import { freePort } from './port.js';
import { eventually } from './wait.js';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Redis {
  #child;

  static async start() {
    const redis = new Redis();
    redis.port = await freePort();
    redis.url = `redis://127.0.0.1:${redis.port}`;
    await redis.launch();
    return redis;
  }

  /** Starts the process: after `kill`, empty and at the same address. */
  async launch() {
    const settings = ['--port', String(this.port), '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1'];
    const child = spawn('redis-server', settings, { stdio: 'ignore' });
    child.once('error', () => {});
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.#child = child;
    await eventually(async () => (await this.ask('PING').catch(() => '')) === 'PONG', 'Redis (`make setup` installs it)');
  }

  /** What `redis-cli` prints. */
  async ask(...command) {
    const { stdout } = await promisify(execFile)('redis-cli', ['-p', String(this.port), ...command]);
    return stdout.trimEnd();
  }

  async lines(...command) {
    const answer = await this.ask(...command);
    return answer === '' ? [] : answer.split('\n').sort();
  }

  /** The keys of the four families that the contract names. */
  async publicKeys() {
    const keys = await this.lines('--scan');
    return keys.filter((key) => !key.startsWith('chat:'));
  }

  async kill() {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  pause() {
    this.#child.kill('SIGSTOP');
  }

  resume() {
    this.#child.kill('SIGCONT');
  }

  async close() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
  }
}
