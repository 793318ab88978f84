import { signal } from '@preact/signals';

/** Which group the address of the page names: `#/lobby`. The button "back" leads through them. */
const read = (): string | null => /^#\/([A-Za-z0-9_-]{1,64})$/.exec(location.hash)?.[1] ?? null;

/** The group that is open, or none. */
export const openGroup = signal(read());

addEventListener('hashchange', () => {
  openGroup.value = read();
});

export const addressOf = (groupId: string): string => `#/${groupId}`;

export function goTo(groupId: string | null): void {
  location.hash = groupId === null ? '#/' : addressOf(groupId);
}
