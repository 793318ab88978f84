// The chat on Socket.IO's usual transport, `ws`.

import { createServer } from 'node:http';

import { createChat } from './chat.js';

const http = createServer();
createChat().attach(http);
http.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('ready'));
