import { signal } from '@preact/signals';

import { LOBBY } from './api';
import { forget, logIn, remember, remembered } from './login';
import { goTo, openGroup } from './place';
import { Workspace } from './workspace';

/** Whoever has signed in, or nobody. */
export const workspace = signal<Workspace | null>(null);

/** Whether somebody who was here before the page was loaded anew is about to come back. */
export const isResuming = signal(remembered() !== null);

export async function signIn(name: string): Promise<void> {
  await enter(name);
  remember(name);
  if (openGroup.value === null) goTo(LOBBY);
}

/** After a reload: whoever was signed in still is. */
export async function resume(): Promise<void> {
  const name = remembered();
  try {
    if (name !== null) await enter(name);
  } catch {
    // The server is away: there is the form to try it again.
  } finally {
    isResuming.value = false;
  }
}

async function enter(name: string): Promise<void> {
  workspace.value = new Workspace(await logIn(name));
}

export function signOut(): void {
  forget();
  workspace.value?.close();
  workspace.value = null;
  goTo(null);
}
