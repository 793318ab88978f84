import { effect, signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const THEME = 'chat-server:theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

/** What was chosen here, if anything. */
const chosen = signal(localStorage.getItem(THEME) as Theme | null);
const preferred = signal<Theme>(prefersDark.matches ? 'dark' : 'light');

export const theme = (): Theme => chosen.value ?? preferred.value;

export function switchTheme(): void {
  chosen.value = theme() === 'dark' ? 'light' : 'dark';
  localStorage.setItem(THEME, chosen.value);
}

/** Keeps the page in the theme that was chosen, else in that of the device. */
export function applyTheme(): void {
  prefersDark.addEventListener('change', ({ matches }) => {
    preferred.value = matches ? 'dark' : 'light';
  });
  effect(() => {
    document.documentElement.dataset.theme = theme();
  });
}
