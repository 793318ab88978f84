// Engine.IO by hand over polling, to send what the official client would never send.

// A connection of its own for each request: after a refusal the server may close the one that carried it.
const OWN_CONNECTION = { connection: 'close' };
const RECORD_SEPARATOR = '\x1e';

export class RawPolling {
  /** Opens a session and connects to the namespace with that token. */
  static async open(url, token) {
    const raw = new RawPolling();
    raw.address = `${url}/socket.io/?EIO=4&transport=polling`;
    const handshake = (await raw.poll()).find((packet) => packet.startsWith('0'));
    raw.address += `&sid=${JSON.parse(handshake.slice(1)).sid}`;
    const status = await raw.post(`40${JSON.stringify({ token })}`);
    if (status !== 200) throw new Error(`the server answered ${status} to a connect`);
    while (!(await raw.poll()).some((packet) => packet.startsWith('40'))) { /* pings may come first */ }
    return raw;
  }

  /** Sends text or bytes as they are; returns the status, or null if the server hung up. */
  async post(body) {
    const headers = { ...OWN_CONNECTION, 'content-type': 'text/plain; charset=UTF-8' };
    const answer = await fetch(this.address, { method: 'POST', headers, body }).catch(() => null);
    await answer?.arrayBuffer().catch(() => {});
    return answer?.status ?? null;
  }

  /** The next packets. */
  async poll() {
    const answer = await fetch(this.address, { headers: OWN_CONNECTION });
    if (!answer.ok) throw new Error(`the server answered ${answer.status} to a poll`);
    return (await answer.text()).split(RECORD_SEPARATOR);
  }
}
