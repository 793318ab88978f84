// The page of the administrator. It asks every two seconds for what is new, and never for more than a page of anything.
// What comes from outside is put in as text alone.

const EVERY_MS = 2_000;
const WINDOW_S = 600;
/** So many of the last figures are asked for again. */
const ASKED_AGAIN = 4;
const KEY = 'chat-admin-key';

const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const clock = (at) => new Date(at).toLocaleTimeString();
const moment = (at) => (at ? new Date(at).toLocaleString() : '–');

// ---- Asking

class Refused extends Error {}

async function ask(path, method = 'GET') {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` };
  const response = await fetch(`api/v1/admin/${path}`, { method, headers });
  const body = response.status === 204 ? null : await response.json();
  if (response.ok) return body;
  const message = body?.error?.message ?? `The server answers with ${response.status}.`;
  if (response.status === 401 || response.status === 404 && path === 'nodes') throw new Refused(message);
  throw new Error(message);
}

// ---- Showing

function element(name, content, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (content instanceof Node) made.append(content);
  else if (content !== undefined && content !== null) made.textContent = String(content);
  return made;
}

/** Fills a table: columns are `{title, of, className}`. */
function fill(table, columns, rows) {
  const head = element('tr');
  for (const { title, className } of columns) {
    const cell = element('th', title, className);
    cell.scope = 'col';
    head.append(cell);
  }
  const body = element('tbody');
  for (const row of rows) {
    const line = element('tr');
    for (const { of, className } of columns) line.append(element('td', of(row), className));
    body.append(line);
  }
  if (rows.length === 0) {
    const nothing = element('td', 'Nothing to show.', 'quiet');
    nothing.colSpan = columns.length;
    body.append(element('tr', nothing));
  }
  table.replaceChildren(element('thead', head), body);
}

function table(columns, rows) {
  const made = element('table');
  fill(made, columns, rows);
  return element('div', made, 'scrolls');
}

function button(text, act) {
  const made = element('button', text, 'plain');
  made.type = 'button';
  made.addEventListener('click', act);
  return made;
}

const short = (node) => node.slice(0, 8);
const number = (title, of, format = whole) => ({ title, of: (row) => format.format(of(row)), className: 'number' });
const id = (title, of) => ({ title, of, className: 'id' });
const mebibytes = (bytes) => (bytes === null ? '–' : `${whole.format(bytes / 1_048_576)} MiB`);

/** Shows what a question is answered with, or why it is not. */
async function show(place, asking) {
  try {
    place.replaceChildren(...(await asking()));
  } catch (error) {
    place.replaceChildren(element('p', error.message, 'quiet'));
    if (error instanceof Refused) leave(error.message);
  }
}

// ---- Charts

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LINES = ['#1f77b4', '#e07b00', '#2e9e4f', '#b0409c'];

class Chart {
  constructor(title, series, unit) {
    this.series = series;
    const figure = element('figure', element('figcaption', title));
    this.place = element('div');
    figure.append(this.place);
    byId('charts').append(figure);
    const axis = () => ({
      stroke: () => this.place.isConnected ? getComputedStyle(this.place).color : '#888',
      grid: { stroke: 'rgba(128, 128, 128, 0.25)', width: 1 },
      ticks: { stroke: 'rgba(128, 128, 128, 0.25)', width: 1 },
    });
    const value = (_, figure) => (figure === null ? '–' : `${precise.format(figure)} ${unit}`);
    const options = {
      width: 320,
      height: 170,
      series: [
        { label: 'at' },
        ...series.map(({ label }, index) => ({ label, stroke: LINES[index], width: 1.5, points: { show: false }, value })),
      ],
      axes: [axis(), { ...axis(), size: 60 }],
      scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, 1) * 1.1] } },
      cursor: { sync: { key: 'charts' } },
    };
    this.plot = new uPlot(options, [[], ...series.map(() => [])], this.place);
    new ResizeObserver(() => this.fit()).observe(figure);
  }

  fit() {
    const width = Math.floor(this.place.clientWidth);
    if (width > 0) this.plot.setSize({ width, height: 170 });
  }

  draw(samples) {
    const times = samples.map((sample) => Date.parse(sample.at) / 1_000);
    this.plot.setData([times, ...this.series.map(({ of }) => samples.map((sample) => of(sample) ?? null))]);
  }
}

const charts = [];

function makeCharts() {
  if (charts.length > 0) return;
  charts.push(
    new Chart('Connections, and rooms', [
      { label: 'connections', of: (it) => it.connections },
      { label: 'rooms', of: (it) => it.rooms },
    ], ''),
    new Chart('Messages and events a second', [
      { label: 'messages', of: (it) => it.messagesPerSecond },
      { label: 'events', of: (it) => it.eventsPerSecond },
    ], '/s'),
    new Chart('Deliveries a second', [{ label: 'deliveries', of: (it) => it.deliveriesPerSecond }], '/s'),
    new Chart('Latency in milliseconds', [
      { label: 'commit, median', of: (it) => it.commitMs?.p50 },
      { label: 'commit, p99', of: (it) => it.commitMs?.p99 },
      { label: 'delivery, median', of: (it) => it.deliveryMs?.p50 },
      { label: 'delivery, p99', of: (it) => it.deliveryMs?.p99 },
    ], 'ms'),
  );
}

// ---- What is always there

let samples = [];

/** What came before may be incomplete: a node's figures may have been late. */
function keep(fresh) {
  const known = new Map([...samples, ...fresh].map((sample) => [sample.at, sample]));
  const ordered = [...known.values()].sort((one, other) => (one.at < other.at ? -1 : 1));
  const newest = Date.parse(ordered.at(-1)?.at ?? 0);
  samples = ordered.filter((sample) => Date.parse(sample.at) > newest - WINDOW_S * 1_000);
}

function showTiles() {
  const last = samples.at(-1);
  const milliseconds = (figure) => (figure === undefined || figure === null ? '–' : `${precise.format(figure)} ms`);
  const tiles = last ? [
    ['Connections', whole.format(last.connections)],
    ['Rooms', whole.format(last.rooms)],
    ['Messages a second', precise.format(last.messagesPerSecond)],
    ['Deliveries a second', whole.format(last.deliveriesPerSecond)],
    ['Commit, p99', milliseconds(last.commitMs?.p99)],
    ['Delivery, p99', milliseconds(last.deliveryMs?.p99)],
    ['Waiting in queues', whole.format(last.queueLength)],
  ] : [];
  byId('tiles').replaceChildren(...tiles.map(([title, figure]) => {
    const tile = element('div', element('dt', title));
    tile.append(element('dd', figure));
    return tile;
  }));
}

function showNodes({ nodes, silent }) {
  fill(byId('nodes'), [
    id('node', (it) => short(it.id)),
    { title: 'version', of: (it) => it.version },
    { title: 'since', of: (it) => moment(it.startedAt) },
    number('connections', (it) => it.connections),
    number('rooms', (it) => it.rooms),
    { title: 'memory', of: (it) => mebibytes(it.residentMemoryBytes), className: 'number' },
    { title: 'state', of: state },
  ], nodes);
  const troubles = nodes.filter((it) => it.degraded.length > 0 || it.draining).map((it) => `${short(it.id)} is ${state(it)}`);
  if (silent.length > 0) troubles.push(`no answer from ${silent.map(short).join(', ')}`);
  const banner = byId('trouble');
  const text = troubles.join('; ');
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = troubles.length === 0;
}

function state({ degraded, draining }) {
  if (draining) return 'letting its clients go';
  return degraded.length > 0 ? `degraded: ${degraded.join(', ')}` : 'fine';
}

// ---- Rooms

const rooms = { cursor: null, next: null, page: 1 };

async function showRooms() {
  const query = new URLSearchParams({ limit: '25', sort: byId('sort').value });
  if (byId('prefix').value) query.set('prefix', byId('prefix').value);
  if (rooms.cursor) query.set('cursor', rooms.cursor);
  const { items, nextCursor } = await ask(`rooms?${query}`);
  rooms.next = nextCursor;
  fill(byId('rooms'), [
    { title: 'room', of: (it) => button(it.groupId, () => showRoom(it.groupId)), className: 'id' },
    number('users', (it) => it.users),
    number('sockets', (it) => it.sockets),
    number('typing', (it) => it.typing),
    number('messages a second', (it) => it.messagesPerSecond, precise),
    number('last message', (it) => it.lastSeq),
    number('nodes', (it) => it.nodes.length),
  ], items);
  byId('next').disabled = !nextCursor;
  byId('first').disabled = rooms.page === 1;
  byId('page').textContent = `Page ${rooms.page}`;
}

function turnTo(cursor, page) {
  Object.assign(rooms, { cursor, page });
  return showRooms().catch(trouble);
}

function showRoom(group) {
  return show(byId('room'), async () => {
    const room = await ask(`rooms/${encodeURIComponent(group)}?limit=100`);
    const who = room.online.map((user) => button(user, () => showUser(user)));
    const users = element('p', undefined, 'wraps');
    users.append(...who.flatMap((user) => [user, ' ']));
    if (room.nextCursor) users.append(element('span', '… and more', 'quiet'));
    return [
      element('h3', `${room.groupId}: ${whole.format(room.users)} users with ${whole.format(room.sockets)} sockets`),
      table([id('node', (it) => short(it.node)), number('sockets', (it) => it.sockets)], room.nodes),
      users,
    ];
  });
}

// ---- A user, a message

function showUser(user) {
  byId('user').value = user;
  return show(byId('sessions'), async () => {
    const { count, items, silent } = await ask(`users/${encodeURIComponent(user)}/sessions`);
    const end = async (session) => {
      if (!confirm(`End the connection ${session} of ${user}?`)) return;
      await ask(`users/${encodeURIComponent(user)}/sessions/${encodeURIComponent(session)}`, 'DELETE').catch(trouble);
      await showUser(user);
    };
    const shown = [element('h3', `${user}: ${whole.format(count)} connections`), table([
      id('connection', (it) => it.session),
      id('node', (it) => short(it.node)),
      { title: 'since', of: (it) => moment(it.connectedAt) },
      { title: 'transport', of: (it) => it.transport },
      number('rooms', (it) => it.roomCount),
      { title: 'token until', of: (it) => moment(it.tokenExpiresAt) },
      number('bytes waiting', (it) => it.waitingBytes),
      { title: '', of: (it) => button('End', () => end(it.session)) },
    ], items)];
    if (silent.length > 0) shown.push(element('p', `No answer from ${silent.map(short).join(', ')}.`, 'quiet'));
    return shown;
  });
}

function showTrace(message) {
  return show(byId('trace'), async () => {
    const trace = await ask(`messages/${encodeURIComponent(message)}/trace`);
    const committed = trace.committed ? `committed at ${moment(trace.committed.at)} by ${short(trace.committed.node)}` : 'committed by a node that no longer knows it';
    const published = trace.published ? element('p', `Sent to other nodes at ${moment(trace.published.at)}.`, 'quiet') : '';
    return [
      element('h3', `Message ${trace.seq} of ${trace.groupId}, ${committed}`),
      published,
      table([
        id('node', (it) => short(it.node)),
        { title: 'delivered at', of: (it) => moment(it.at) },
        number('sockets', (it) => it.sockets),
      ], trace.delivered),
    ];
  });
}

// ---- Coming and going

let ticking;

async function tick() {
  const since = samples.at(-ASKED_AGAIN)?.at;
  const [stats, nodes] = await Promise.all([
    ask(since ? `stats?since=${encodeURIComponent(since)}` : 'stats'),
    ask('nodes'),
  ]);
  keep(stats.items);
  showTiles();
  showNodes(nodes);
  for (const chart of charts) chart.draw(samples);
  if (rooms.page === 1 && !document.hidden) await showRooms();
  byId('updated').textContent = `Last answer at ${clock(Date.now())}`;
}

async function run() {
  try {
    await tick();
  } catch (error) {
    trouble(error);
  }
  if (sessionStorage.getItem(KEY)) ticking = setTimeout(run, EVERY_MS);
}

function trouble(error) {
  if (error instanceof Refused) return leave(error.message);
  byId('updated').textContent = `No answer since ${clock(Date.now())}: ${error.message}`;
}

async function enter() {
  try {
    await ask('nodes');
  } catch (error) {
    return leave(error instanceof Refused ? error.message : `The server does not answer: ${error.message}`);
  }
  byId('entrance').hidden = true;
  byId('board').hidden = false;
  byId('forget').hidden = false;
  makeCharts();
  await run();
}

function leave(reason = '') {
  clearTimeout(ticking);
  sessionStorage.removeItem(KEY);
  samples = [];
  byId('refusal').textContent = reason;
  byId('updated').textContent = '';
  byId('entrance').hidden = false;
  byId('board').hidden = true;
  byId('forget').hidden = true;
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  byId('refusal').textContent = '';
  sessionStorage.setItem(KEY, byId('key').value);
  byId('key').value = '';
  enter();
});
byId('forget').addEventListener('click', () => leave());
byId('rooms-form').addEventListener('submit', (event) => {
  event.preventDefault();
  turnTo(null, 1);
});
byId('sort').addEventListener('change', () => turnTo(null, 1));
byId('first').addEventListener('click', () => turnTo(null, 1));
byId('next').addEventListener('click', () => turnTo(rooms.next, rooms.page + 1));
byId('user-form').addEventListener('submit', (event) => {
  event.preventDefault();
  showUser(byId('user').value);
});
byId('message-form').addEventListener('submit', (event) => {
  event.preventDefault();
  showTrace(byId('message').value.trim());
});
if (sessionStorage.getItem(KEY)) enter();
