import { useState } from 'preact/hooks';

import { wordsFor } from '../model/words';

/** Something that takes a moment and may fail: whether it is going on, and what went wrong with it. */
export function useTask() {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const run = async (task: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await task();
    } catch (error) {
      setProblem(wordsFor(error));
    } finally {
      setBusy(false);
    }
  };

  return { isBusy, problem, run };
}
