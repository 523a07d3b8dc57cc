//! What supporting costs a person, as typed and as the node takes it.

import type { CostsView } from '../generated/CostsView';
import { readMillionths, readWhole, showMillionths } from '../lib/millionths';

/** What is typed. */
export interface TypedCosts {
  on: boolean;
  currency: string;
  power: string;
  powerPrice: string;
  dataPrice: string;
}

/** What to begin with. */
export const typedCosts = (costs: CostsView | null): TypedCosts => ({
  on: costs !== null,
  currency: costs?.currency ?? '',
  power: String(costs?.power_w ?? 10),
  powerPrice: showMillionths(costs?.power_per_kwh ?? 0),
  dataPrice: showMillionths(costs?.data_per_gb ?? 0),
});

/** What was typed, each part undefined where it cannot be read. */
export function partsOf(typed: TypedCosts) {
  const currency = typed.currency.trim().toUpperCase();
  return {
    currency: /^[A-Z]{3}$/.test(currency) ? currency : undefined,
    power_w: readWhole(typed.power, 2000),
    power_per_kwh: readMillionths(typed.powerPrice),
    data_per_gb: readMillionths(typed.dataPrice),
  };
}

/** The costs that were typed: `null` for none, undefined where something cannot be read. */
export function readCosts(typed: TypedCosts): CostsView | null | undefined {
  if (!typed.on) return null;
  const { currency, power_w, power_per_kwh, data_per_gb } = partsOf(typed);
  if (currency === undefined || power_w === undefined || power_per_kwh === undefined || data_per_gb === undefined) {
    return undefined;
  }
  return { currency, power_w, power_per_kwh, data_per_gb };
}

/** Whether two prices are the same, part for part. */
export function sameCosts(one: CostsView | null, other: CostsView | null): boolean {
  if (one === null || other === null) return one === other;
  return (Object.keys(one) as (keyof CostsView)[]).every((key) => one[key] === other[key]);
}
