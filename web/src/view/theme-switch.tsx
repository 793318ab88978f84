import { switchTheme, theme } from '../model/theme';
import { Icon } from './icons';

export function ThemeSwitch() {
  const isDark = theme() === 'dark';
  return (
    <button
      type="button"
      class="quiet icon-only"
      aria-label={isDark ? 'Light theme' : 'Dark theme'}
      onClick={switchTheme}
    >
      <Icon name={isDark ? 'sun' : 'moon'} />
    </button>
  );
}
