//! Waiting times between attempts to reach the node again.

const firstMs = 500;
const lastMs = 10_000;

/** Doubles from half a second to ten, with up to a quarter taken off by `random` so that tabs do not march in step. */
export class Backoff {
  #attempt = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** How long to wait before the next attempt. */
  next(): number {
    const whole = Math.min(firstMs * 2 ** this.#attempt, lastMs);
    this.#attempt += 1;
    return Math.round(whole * (1 - this.#random() / 4));
  }

  /** The node answered: begin small again. */
  reset(): void {
    this.#attempt = 0;
  }
}
