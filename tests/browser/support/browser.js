// A real browser: Debian's Chromium, without a window.

import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';
// Nothing of its own over the network; the tests may run as root, and in a container.
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser that ends with the test. */
export async function browser(t) {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is missing; make setup installs it`);
  const started = await chromium.launch({ executablePath: PROGRAM, args: ARGUMENTS });
  t.after(() => started.close());
  return started;
}

/** A page, and what went wrong in it: `{page, complaints}`. */
export async function open(browser, url, options = {}) {
  const page = await browser.newPage(options);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error') complaints.push(line.text());
  });
  await page.goto(url);
  return { page, complaints };
}
