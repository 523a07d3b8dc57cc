//! Amounts as typed: with a point or a comma and at most six digits behind it, as whole millionths.

/** The most that is taken: a thousand. */
export const mostMillionths = 1_000_000_000;

/** Reads what a person typed; undefined if it is no amount from 0 to a thousand. */
export function readMillionths(text: string): number | undefined {
  const parts = /^(\d{1,4})(?:[.,](\d{0,6}))?$/.exec(text.trim());
  if (!parts) return undefined;
  // No floating point: 0.07 is seven hundredths exactly.
  const amount = Number(parts[1]) * 1_000_000 + Number((parts[2] ?? '').padEnd(6, '0'));
  return amount <= mostMillionths ? amount : undefined;
}

/** Reads a whole number from 0 to `most`; undefined if it is none. */
export function readWhole(text: string, most: number): number | undefined {
  const cleaned = text.trim();
  if (!/^\d{1,7}$/.test(cleaned)) return undefined;
  return Number(cleaned) <= most ? Number(cleaned) : undefined;
}

/** An amount as it stands in the field: plain digits, so that it reads back the same. */
export function showMillionths(millionths: number): string {
  const whole = Math.floor(millionths / 1_000_000);
  const rest = String(millionths % 1_000_000).padStart(6, '0').replace(/0+$/, '');
  return rest === '' ? String(whole) : `${whole}.${rest}`;
}
