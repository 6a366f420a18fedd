// Charts as PNG: drawn anew on a canvas, on white, with a title, so that they stand alone in a report.
import {formatNumber, locale} from '../i18n';
import type {Sheet} from './series';

const FONT = '"Heebo Variable", "Noto Sans Devanagari Variable", sans-serif';
const INK = '#12211a', QUIET = '#4b5d53', BAR = '#119656', GRID = '#d9e2dc';
const WIDTH = 960, SCALE = 2;

export const PART_COLOURS = ['#0b7a48', '#e0a100', '#2f6fb3', '#b3477d', '#6b5bb5', '#7a8a82'];

function canvas(height: number, title: string): {element: HTMLCanvasElement; pen: CanvasRenderingContext2D} {
  const element = document.createElement('canvas');
  element.width = WIDTH * SCALE;
  element.height = height * SCALE;
  const pen = element.getContext('2d')!;
  pen.scale(SCALE, SCALE);
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, WIDTH, height);
  pen.fillStyle = INK;
  pen.font = `600 20px ${FONT}`;
  pen.fillText(title, 24, 36, WIDTH - 48);
  pen.font = `14px ${FONT}`;
  return {element, pen};
}

export function barsPicture(title: string, rows: {label: string; count: number}[]): HTMLCanvasElement {
  const {element, pen} = canvas(70 + rows.length * 30, title);
  const most = Math.max(1, ...rows.map(row => row.count));
  rows.forEach((row, i) => {
    const y = 60 + i * 30;
    pen.fillStyle = INK;
    pen.textAlign = 'start';
    pen.fillText(row.label, 24, y + 16, 220);
    pen.fillStyle = BAR;
    pen.fillRect(260, y, Math.max(2, (row.count / most) * 580), 20);
    pen.fillStyle = QUIET;
    pen.fillText(formatNumber(row.count), 268 + (row.count / most) * 580, y + 16);
  });
  return element;
}

export function stackPicture(title: string, days: string[], parts: {label: string; colour: string; counts: number[]}[]): HTMLCanvasElement {
  const {element, pen} = canvas(440, title);
  const totals = days.map((_, d) => parts.reduce((sum, part) => sum + (part.counts[d] ?? 0), 0));
  const most = Math.max(1, ...totals), left = 70, bottom = 360, height = 280, step = (WIDTH - left - 24) / Math.max(1, days.length);
  for (let i = 0; i <= 4; ++i) {
    const y = bottom - (height * i) / 4;
    pen.fillStyle = GRID;
    pen.fillRect(left, y, WIDTH - left - 24, 1);
    pen.fillStyle = QUIET;
    pen.textAlign = 'end';
    pen.fillText(formatNumber(Math.round((most * i) / 4)), left - 8, y + 5);
  }
  days.forEach((day, d) => {
    let y = bottom;
    for (const part of parts) {
      const h = ((part.counts[d] ?? 0) / most) * height;
      pen.fillStyle = part.colour;
      pen.fillRect(left + d * step + step * 0.1, y - h, step * 0.8, h);
      y -= h;
    }
    if (d % Math.ceil(days.length / 10) === 0) {
      pen.fillStyle = QUIET;
      pen.textAlign = 'center';
      pen.fillText(new Intl.DateTimeFormat(locale(), {day: 'numeric', month: 'short', timeZone: 'UTC'}).format(new Date(`${day}T00:00:00Z`)), left + (d + 0.5) * step, bottom + 22);
    }
  });
  pen.textAlign = 'start';
  let x = left;
  for (const part of parts) {
    pen.fillStyle = part.colour;
    pen.fillRect(x, 400, 14, 14);
    pen.fillStyle = INK;
    pen.fillText(part.label, x + 20, 412);
    x += 44 + pen.measureText(part.label).width;
  }
  return element;
}

export function heatPicture(title: string, days: string[], counts: number[][], most: number): HTMLCanvasElement {
  const {element, pen} = canvas(340, title);
  counts.forEach((row, d) => {
    pen.fillStyle = INK;
    pen.textAlign = 'start';
    pen.fillText(days[d] ?? '', 24, 86 + d * 32);
    row.forEach((count, hour) => {
      pen.fillStyle = count === 0 ? '#eef3f0' : `rgba(7,63,36,${0.15 + (0.85 * count) / Math.max(1, most)})`;
      pen.fillRect(90 + hour * 35, 66 + d * 32, 32, 28);
      if (d === 0 && hour % 3 === 0) {
        pen.fillStyle = QUIET;
        pen.fillText(String(hour).padStart(2, '0'), 96 + hour * 35, 60);
      }
    });
  });
  return element;
}

// Hands a file to the browser's downloads.
export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export async function savePicture(picture: HTMLCanvasElement, name: string): Promise<void> {
  const blob = await new Promise<Blob | null>(resolve => picture.toBlob(resolve, 'image/png'));
  if (blob) save(blob, `${name}.png`);
}

export function saveSheet(csv: string, sheet: Sheet): void {
  save(new Blob([csv], {type: 'text/csv;charset=utf-8'}), `${sheet.name}.csv`);
}
