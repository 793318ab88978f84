// A network between clients and a server, that fails when it is told to.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Proxy {
  #server;
  #pairs = new Set();
  #port;

  /** Leads to that port of this machine. */
  static async start(port) {
    const proxy = new Proxy();
    proxy.#port = port;
    proxy.#server = createServer((client) => proxy.#join(client)).listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    proxy.url = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  /** How many connections there are. */
  get size() {
    return this.#pairs.size;
  }

  /** Ends every connection without a word. */
  cut() {
    for (const pair of [...this.#pairs]) pair.end();
  }

  /** From now on, until they are cut, the server hears its clients, and they do not hear the server. */
  mute() {
    for (const pair of this.#pairs) pair.isMute = true;
  }

  async close() {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client) {
    const server = connect(this.#port, '127.0.0.1');
    const pair = {
      isMute: false,
      end: () => {
        this.#pairs.delete(pair);
        client.resetAndDestroy();
        server.resetAndDestroy();
      },
    };
    this.#pairs.add(pair);
    for (const socket of [client, server]) socket.on('error', pair.end).on('close', pair.end);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => pair.isMute || client.write(bytes));
  }
}
