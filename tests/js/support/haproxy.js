// HAProxy in front of three servers, with the configuration that operators get.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { freePort } from './port.js';
import { eventually } from './wait.js';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const SETTINGS = join(REPOSITORY, 'deploy/haproxy/haproxy.cfg');
/** Where `make setup` puts it, and where Debian does. */
const PLACES = [process.env.PATH, join(REPOSITORY, '.tools/bin'), '/usr/sbin'].join(delimiter);

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Haproxy {
  #child;
  #socket;

  /** In front of these three servers; waits until it sends clients to each of them. */
  static async start(servers) {
    const balancer = new Haproxy();
    balancer.folder = await mkdtemp(join(tmpdir(), 'chat-test-'));
    balancer.#socket = join(balancer.folder, 'socket');
    const address = `127.0.0.1:${await freePort()}`;
    balancer.url = `http://${address}`;
    const nodes = servers.map(({ port }, number) => [`BALANCER_NODE_${number + 1}`, `127.0.0.1:${port}`]);
    const env = { BALANCER_LISTEN: address, BALANCER_SOCKET: balancer.#socket, PATH: PLACES };
    const child = spawn('haproxy', ['-db', '-f', SETTINGS], {
      env: { ...env, ...Object.fromEntries(nodes) },
      stdio: 'ignore',
    });
    child.once('error', () => {});
    running.add(child);
    child.once('exit', () => running.delete(child));
    balancer.#child = child;
    for (const number of servers.keys()) await balancer.up(number);
    return balancer;
  }

  /** Waits until it sends clients to that server. */
  async up(number) {
    await eventually(() => this.#isUp(number), `HAProxy to find node ${number + 1} up (\`make setup\` installs it)`);
  }

  async #isUp(number) {
    const statistics = connect(this.#socket);
    statistics.end('show stat\n');
    const [names, ...rows] = (await text(statistics).catch(() => '')).split('\n').map((line) => line.split(','));
    const row = rows.find(([backend, server]) => backend === 'chat' && server === `node${number + 1}`);
    // There is more behind it when a check has failed.
    return row?.[names.indexOf('status')].startsWith('UP');
  }

  async close() {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    await rm(this.folder, { recursive: true, force: true });
  }
}
