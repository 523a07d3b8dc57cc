//! What the simulated page lacks: a canvas. The chart itself is looked at in the browser tests.

import { vi } from 'vitest';

vi.mock('uplot', () => ({
  default: class {
    setData(): void {}
    setSize(): void {}
    destroy(): void {}
  },
}));
