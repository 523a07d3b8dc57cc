//! The throughput chart: options for uPlot, and the same in words and rows for those who do not see it.

import uPlot from 'uplot';

import type { ChartPoint } from '../generated/ChartPoint';
import { clock, rate } from '../lib/format';

const spanS = 600;
/** The scale never shrinks below this, or idle noise would look like mountains. */
const leastTopBps = 1_000_000;

/** Colours as the page's scheme has them now. */
export interface ChartColours {
  up: string;
  down: string;
  grid: string;
  text: string;
}

/** Columns as uPlot wants them: seconds, given, received. */
export function chartColumns(points: readonly ChartPoint[]): [number[], number[], number[]] {
  return [points.map((p) => p.at_ms / 1000), points.map((p) => p.up_bps), points.map((p) => p.down_bps)];
}

/** One row a minute, newest first. */
export function chartRows(points: readonly ChartPoint[]): ChartPoint[] {
  return points.filter((_, i) => (points.length - 1 - i) % 12 === 0).toReversed();
}

/** The figures of the summary sentence. */
export function chartFigures(points: readonly ChartPoint[]): { now: string; peak: string; down: string } {
  const last = points.at(-1);
  return {
    now: rate(last?.up_bps ?? 0),
    peak: rate(points.reduce((most, p) => Math.max(most, p.up_bps), 0)),
    down: rate(last?.down_bps ?? 0),
  };
}

/** Computed colours are always `rgb(r, g, b)` here; canvases of older webviews know no color-mix. */
function withAlpha(colour: string, alpha: number): string {
  return colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);
}

/** Whether two snapshots' points draw the same picture; most of the four a second do. */
export function samePoints(a: readonly ChartPoint[], b: readonly ChartPoint[]): boolean {
  return a.length === b.length && a.at(0)?.at_ms === b.at(0)?.at_ms && a.at(-1)?.at_ms === b.at(-1)?.at_ms;
}

/** How the chart is drawn. */
export function chartOptions(colours: ChartColours, width: number, height: number, font: string): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colours.text,
    font: `12px ${font}`,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
  };
  const line = (stroke: string, fill: string): uPlot.Series => ({ stroke, fill, width: 2, points: { show: false } });
  return {
    width,
    height,
    padding: [8, 20, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: true, range: (_plot, _min, max) => [max - spanS, max] },
      y: { range: (_plot, _min, max) => [0, Math.max(leastTopBps, max * 1.15)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 64, incrs: [60, 120, 300], values: (_plot, ticks) => ticks.map((s) => clock(s * 1000, s * 1000)) },
      { ...axis, size: 72, values: (_plot, ticks) => ticks.map((bps) => rate(bps)) },
    ],
    series: [{}, line(colours.up, withAlpha(colours.up, 0.14)), line(colours.down, withAlpha(colours.down, 0.08))],
  };
}
