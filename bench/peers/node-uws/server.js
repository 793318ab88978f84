// The chat on µWebSockets.js.

import uws from '@trufflesuite/uws-js-unofficial';

import { createChat } from '../node/chat.js';

const app = uws.App();
createChat().attachApp(app);
app.listen('127.0.0.1', Number(process.env.PORT), (socket) => {
  if (!socket) throw new Error('the port is taken');
  console.log('ready');
});
