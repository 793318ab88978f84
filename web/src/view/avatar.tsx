/** The first letter of a name, on a colour that its owner always has. */
export function Avatar({ id, name, isOnline }: { id: string; name: string; isOnline?: boolean }) {
  return (
    <span class={isOnline ? 'avatar online' : 'avatar'} style={{ '--hue': hueOf(id) }} aria-hidden="true">
      {[...name][0]?.toUpperCase()}
    </span>
  );
}

/** Around the circle in steps, so that two of them differ or are the same. */
function hueOf(id: string): string {
  const sum = [...id].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 9973, 7);
  return `${(sum % 12) * 30}`;
}
