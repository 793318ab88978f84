import type { Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

import { Icon } from './icons';

const SHOWN_MS = 8_000;

/** A sentence that goes away by itself. */
export function Notice({ notice }: { notice: Signal<string | null> }) {
  const words = notice.value;
  useEffect(() => {
    if (words === null) return;
    const timer = setTimeout(() => (notice.value = null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [words]);

  return (
    <div class="notice" role="status">
      {words !== null && (
        <p>
          {words}
          <button type="button" class="quiet icon-only" aria-label="Dismiss" onClick={() => (notice.value = null)}>
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}
