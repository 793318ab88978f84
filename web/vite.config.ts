import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

/** Where `make run` listens: `npm run dev` shows the page in front of it. */
const SERVER = 'http://127.0.0.1:8001';

export default defineConfig({
  resolve: {
    // The typed client from its sources, so that nothing of it has to be built or installed first.
    alias: { 'chat-server-client': fileURLToPath(new URL('../clients/typescript/src/index.ts', import.meta.url)) },
    dedupe: ['socket.io-client'],
  },
  build: {
    // The policy of the page allows files, and nothing that is written into others.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/api': { target: SERVER, headers: { origin: SERVER } },
      '/socket.io': { target: SERVER, headers: { origin: SERVER }, ws: true },
    },
  },
});
