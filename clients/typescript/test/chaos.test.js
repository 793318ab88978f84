// Clients, a server that is killed, and a network that is cut: each message once, in order, and nothing lost.
//
// `npm run prove` runs it at full length.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChatClient } from 'chat-server-client';

import { World } from '../../../tests/js/support/provision.js';
import { NO_LIMITS } from '../../../tests/js/support/server.js';
import { eventually } from '../../../tests/js/support/wait.js';
import { Proxy } from './support/proxy.js';
import { BACKOFF, range } from './support/stage.js';
import { Tab } from './support/tab.js';

const LENGTHS = {
  bounded: { users: 3, messages: 300, kills: 2, cuts: 10, reloads: 4 },
  full: { users: 10, messages: 5_000, kills: 10, cuts: 50, reloads: 20 },
};
const length = LENGTHS[process.env.PROVE ?? 'bounded'];
const TABS_EACH = 2;
/** So many messages of a tab wait at once. */
const WINDOW = 4;
const SETTLED_MS = 120_000;

test(`each message once, in order, and nothing lost: ${JSON.stringify(length)}`, async (t) => {
  assert.ok(length, 'PROVE is `full` or absent');
  const world = await World.start(NO_LIMITS);
  t.after(() => world.close());
  const proxy = await Proxy.start(world.server.port);
  t.after(() => proxy.close());
  const users = await world.users(...range(1, length.users).map((number) => `user${number}`));
  const groups = await Promise.all([world.group(...users), world.group(...users)]);
  const tabs = [];
  t.after(() => tabs.forEach((tab) => tab.close()));
  for (const user of users) {
    const openClient = (outbox) =>
      new ChatClient(proxy.url, { token: () => user.token, backoff: BACKOFF, outbox, timeoutMs: 5_000 });
    for (let number = 0; number < TABS_EACH; number += 1) tabs.push(await Tab.open(openClient, groups));
  }
  const messages = plan(tabs, groups);
  const startedAt = Date.now();

  const faults = faultsBetween(world, proxy, tabs, groups, users[0]);
  const trouble = new Trouble(messages.length, faults);
  await Promise.all(tabs.map((tab) => write(tab, messages, trouble)));
  await trouble.isOver();
  await eventually(() => tabs.every((tab) => !tab.isBusy), 'everything to be acknowledged', SETTLED_MS);

  for (const group of groups) {
    const wanted = messages.filter((message) => message.groupId === group.id);
    const history = await wholeHistory(world, users[0], group);
    assert.deepEqual(
      history.map(({ seq }) => seq),
      range(1, wanted.length),
      'each is stored once',
    );
    const ids = (list) => list.map(({ clientMessageId }) => clientMessageId).sort();
    assert.deepEqual(ids(history), ids(wanted), 'none is lost');
    await eventually(
      () => tabs.every((tab) => tab.heard.get(group.id).length >= wanted.length),
      'everybody to hear everything',
      SETTLED_MS,
    );
    for (const tab of tabs) {
      assert.deepEqual(tab.heard.get(group.id), range(1, wanted.length), 'everybody hears each once, in order');
      const own = wanted.filter((message) => message.tabs[0] === tab && message.tabs.length === 1);
      const stored = new Map(history.map(({ clientMessageId, seq }) => [clientMessageId, seq]));
      const places = own.map(({ clientMessageId }) => stored.get(clientMessageId));
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
        'in the order in which they were written',
      );
    }
  }
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  const { kills, cuts, reloads } = trouble.counts;
  assert.deepEqual({ kills, cuts, reloads }, { kills: length.kills, cuts: length.cuts, reloads: length.reloads });
  t.diagnostic(
    `${tabs.length} clients, ${messages.length} messages in ${groups.length} groups, ${trouble.sends} sends, ` +
      `${kills} kills, ${cuts} cuts, ${reloads} pages loaded anew, ${seconds} s: clean`,
  );
});

/** Who sends what. One in ten is sent by both tabs of the user at once. */
function plan(tabs, groups) {
  return range(1, length.messages).map((number) => {
    const tab = tabs[number % tabs.length];
    const other = tabs[tabs.indexOf(tab) ^ 1];
    return {
      groupId: groups[number % groups.length === 0 ? 0 : 1].id,
      clientMessageId: `c-${number}`,
      tabs: number % 10 === 0 ? [tab, other] : [tab],
    };
  });
}

/** Sends what the tab has to, some at a time. One in twenty is sent once more when it is acknowledged. */
async function write(tab, messages, trouble) {
  const own = messages.filter(({ tabs }) => tabs.includes(tab));
  const waiting = new Set();
  for (const message of own) {
    const { groupId, clientMessageId } = message;
    const send = () => {
      trouble.sends += 1;
      return tab.send(groupId, `the text of ${clientMessageId}`, clientMessageId);
    };
    const sent = send()
      .then(() => (Number(clientMessageId.slice(2)) % 20 === 1 ? send() : undefined))
      .then(() => message.tabs[0] === tab && trouble.wasSent())
      .finally(() => waiting.delete(sent));
    waiting.add(sent);
    if (waiting.size >= WINDOW) await Promise.race(waiting);
  }
  await Promise.all(waiting);
}

/** Faults, one after the other, spread evenly over the messages. */
class Trouble {
  sends = 0;
  counts = { kills: 0, cuts: 0, reloads: 0 };
  #sent = 0;
  #total;
  #faults;
  #last = Promise.resolve();

  constructor(total, faults) {
    this.#total = total;
    this.#faults = faults;
  }

  wasSent() {
    this.#sent += 1;
    for (const [name, fault] of Object.entries(this.#faults)) {
      const due = Math.floor((this.#sent * (length[name] + 1)) / this.#total);
      while (this.counts[name] < Math.min(due, length[name])) {
        this.counts[name] += 1;
        const number = this.counts[name];
        this.#last = this.#last.then(() => fault(number));
      }
    }
  }

  isOver() {
    return this.#last;
  }
}

function faultsBetween(world, proxy, tabs, groups, user) {
  const stored = async () => {
    const { items } = await world.does(user, 'GET', '/groups?limit=100');
    return items.reduce((sum, { lastSeq }) => sum + lastSeq, 0);
  };
  return {
    kills: async () => {
      await world.server.kill();
      await world.server.launch();
    },
    /** Every other time, what the server has done by then is never heard of. */
    cuts: async (number) => {
      await eventually(() => proxy.size > tabs.length / 2, 'most of them to be back');
      if (number % 2 === 0) {
        const before = await stored();
        proxy.mute();
        await eventually(async () => (await stored()) > before, 'a message', 1_000).catch(() => {});
      }
      proxy.cut();
    },
    reloads: async (number) => tabs[number % tabs.length].reload(),
  };
}

async function wholeHistory(world, user, group) {
  const history = [];
  let more = true;
  while (more) {
    const page = await world.does(
      user,
      'GET',
      `/groups/${group.id}/messages?limit=100&afterSeq=${history.at(-1)?.seq ?? 0}`,
    );
    history.push(...page.items);
    more = page.hasNextPage;
  }
  return history;
}
