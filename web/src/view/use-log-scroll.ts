import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Nearer to an edge than this counts as being there. */
const EDGE_PX = 48;
/** Older messages are fetched before the reader has come to the top. */
const AHEAD_PX = 600;

interface Options {
  /** The first line that is shown. Another one means that older ones came above it. */
  firstKey: string | undefined;
  /** The reader comes near the top. */
  nearTop: () => void;
}

/**
 * Keeps the place of whoever reads a log: at the end it follows what comes, anywhere else the lines stay where they are
 * when older ones come above them.
 */
export function useLogScroll(log: RefObject<HTMLElement | null>, { firstKey, nearTop }: Options) {
  const [isAtEnd, setAtEnd] = useState(true);
  const wasAtEnd = useRef(true);
  const seen = useRef({ firstKey, height: 0 });

  const toEnd = () => {
    if (log.current) log.current.scrollTop = log.current.scrollHeight;
  };

  const look = () => {
    const { current: element } = log;
    if (!element) return;
    wasAtEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < EDGE_PX;
    setAtEnd(wasAtEnd.current);
    if (element.scrollTop < AHEAD_PX) nearTop();
  };

  useLayoutEffect(() => {
    const { current: element } = log;
    if (!element) return;
    const { firstKey: before, height } = seen.current;
    if (wasAtEnd.current) toEnd();
    else if (before !== firstKey) element.scrollTop += element.scrollHeight - height;
    seen.current = { firstKey, height: element.scrollHeight };
  });

  // The window, the field for writing and the lines themselves change their size.
  useEffect(() => {
    const { current: element } = log;
    if (!element?.firstElementChild) return;
    const observer = new ResizeObserver(() => {
      if (wasAtEnd.current) toEnd();
      look();
    });
    observer.observe(element);
    observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);

  return { isAtEnd, toEnd, look };
}
