const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const relative = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

const today = () => new Date().toDateString();

export function Clock({ time }: { time: string }) {
  const date = new Date(time);
  return (
    <time dateTime={time} title={exact.format(date)}>
      {clock.format(date)}
    </time>
  );
}

/** The time of today, the day of anything before. */
export function When({ time }: { time: string }) {
  const date = new Date(time);
  return <time dateTime={time}>{(date.toDateString() === today() ? clock : shortDay).format(date)}</time>;
}

export function dayOf(time: string): string {
  const date = new Date(time);
  return date.toDateString() === today() ? 'Today' : day.format(date);
}

export const toTheSecond = (date: Date): string => relative.format(date);
