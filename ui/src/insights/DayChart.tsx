// Changes per day as stacked bars (uPlot). A click leads to the search of that day and part; the table beside it does the
// same by keyboard.
import type {JSX} from 'preact';
import {useEffect, useRef} from 'preact/hooks';
import uPlot from 'uplot';
import {shownTheme} from '../base/prefs';
import {useStore} from '../base/store';
import {formatNumber} from '../i18n';
import {shortDay} from '../i18n/time';

export interface ChartPart {
  label: string;
  colour: string;
  counts: number[];
}

// Each part on top of those before it.
function piled(parts: ChartPart[], days: number): number[][] {
  const sums = Array.from({length: days}, () => 0);
  return parts.map(part => part.counts.map((count, d) => (sums[d] = sums[d]! + count)));
}

export function DayChart({days, parts, onPick}: {days: string[]; parts: ChartPart[]; onPick: (day: number, part: number) => void}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const pick = useRef(onPick);
  pick.current = onPick;
  const theme = useStore(shownTheme);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const style = getComputedStyle(element);
    const ink = style.getPropertyValue('--ink-2').trim(), grid = style.getPropertyValue('--line').trim();
    const piles = piled(parts, days.length);
    // Drawn from the highest pile down, so that each covers all but its own part of the one before.
    const order = parts.map((_, i) => i).reverse();
    const bars = uPlot.paths.bars!({size: [0.8, 60], align: 0});
    const font = `12px ${style.fontFamily}`;
    const axis = {stroke: ink, font, grid: {stroke: grid, width: 1}, ticks: {show: false}};
    const chart = new uPlot({
      width: element.clientWidth, height: 280, legend: {show: false}, cursor: {drag: {x: false, y: false}, points: {show: false}, y: false},
      scales: {x: {time: false, range: () => [-0.6, days.length - 0.4]}, y: {range: (_chart, _min, max) => [0, Math.max(1, max * 1.05)]}},
      axes: [
        {...axis, grid: {show: false}, incrs: [1, 2, 7, 14, 30, 60, 90], space: 64, values: (_chart, at) => at.map(i => (Number.isInteger(i) && days[i] ? shortDay(days[i]!) : ''))},
        {...axis, size: 56, values: (_chart, at) => at.map(n => (Number.isInteger(n) ? formatNumber(n) : ''))},
      ],
      series: [{}, ...order.map(i => ({paths: bars, fill: parts[i]!.colour, stroke: parts[i]!.colour, width: 0, points: {show: false}}))],
    }, [days.map((_, i) => i), ...order.map(i => piles[i]!)], element);
    const click = (): void => {
      const day = chart.cursor.idx;
      if (day === null || day === undefined || chart.cursor.top === undefined) return;
      const value = chart.posToVal(chart.cursor.top, 'y');
      const part = piles.findIndex(pile => value <= (pile[day] ?? 0));
      pick.current(day, part);
    };
    chart.over.addEventListener('click', click);
    const resize = new ResizeObserver(() => chart.setSize({width: element.clientWidth, height: 280}));
    resize.observe(element);
    return () => {
      resize.disconnect();
      chart.destroy();
    };
  }, [days, parts, theme]);
  return <div class="day-chart" ref={box} aria-hidden="true" />;
}
