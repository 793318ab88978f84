import { signal } from '@preact/signals';
import { WebSocket as WebSocketTransport, XHR as PollingTransport } from 'socket.io-client';

type TransportClass = typeof WebSocketTransport | typeof PollingTransport;

/** The page's own network cable: it can be pulled, to see what happens then. */
export class Cable {
  readonly isPulled = signal(false);
  /** For socket.io-client: its own transports, led through this cable. */
  readonly transports = [this.#lead(WebSocketTransport), this.#lead(PollingTransport)];
  readonly #open = new Set<{ close(): void }>();

  /** Ends every connection without a word, and lets none be made. */
  pull(): void {
    this.isPulled.value = true;
    for (const transport of [...this.#open]) transport.close();
  }

  plugIn(): void {
    this.isPulled.value = false;
  }

  #lead(Transport: TransportClass) {
    const cable = this;
    // Both open in the same way; the types of the library tell them apart.
    return class extends (Transport as typeof WebSocketTransport) {
      override doOpen(): this {
        if (cable.isPulled.value) {
          // Whoever opens it listens only afterwards.
          queueMicrotask(() => this.onError('the cable is pulled', null));
          return this;
        }
        cable.#open.add(this);
        this.on('close', () => cable.#open.delete(this));
        super.doOpen();
        return this;
      }
    };
  }
}
