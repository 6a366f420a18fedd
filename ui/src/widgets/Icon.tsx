// The few pictures, drawn here so that nothing is fetched. Decoration only: words say the same beside them.
import type {JSX} from 'preact';

const PATHS = {
  activity: 'M4 6h16M4 12h16M4 18h10',
  insights: 'M5 20V11M12 20V4M19 20v-6',
  integrity: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4',
  access: 'M2 12s4-6.5 10-6.5S22 12 22 12s-4 6.5-10 6.5S2 12 2 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  close: 'M6 6l12 12M18 6L6 18',
  down: 'M6 9l6 6 6-6',
  right: 'M9 6l6 6-6 6',
  left: 'M15 6l-6 6 6 6',
  app: 'M7 3h10v18H7zM11 18h2',
  job: 'M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2',
  flow: 'M5 4h5v5H5zM14 15h5v5h-5zM7.5 9v8.5H14',
  import: 'M12 3v11M7.5 9.5L12 14l4.5-4.5M4 20h16',
  trigger: 'M13 3L5 13.5h6L10 21l8-10.5h-6z',
  sql: 'M5 5l6 7-6 7M13 19h6',
  undo: 'M8 5L4 9l4 4M4 9h10a6 6 0 0 1 0 12h-3',
  unknown: 'M9 9a3 3 0 1 1 4 2.8c-.7.3-1 .8-1 1.7V14M12 18v.01',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  check: 'M5 12.5l4.5 4.5L19 7',
  warning: 'M12 4l9 16H3zM12 10v4M12 17v.01',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  download: 'M12 4v11M7.5 10.5L12 15l4.5-4.5M5 20h14',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  table: 'M4 5h16v14H4zM4 10h16M4 15h16M10 5v14',
  dots: 'M12 6v.01M12 12v.01M12 18v.01',
  pause: 'M9 5v14M15 5v14',
  play: 'M8 5l10 7-10 7z',
  layers: 'M12 3l9 5-9 5-9-5zM3 12.5l9 5 9-5M3 17l9 5 9-5',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.5c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5',
  plus: 'M12 5v14M5 12h14',
  shield: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z',
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({name, size = 20}: {name: IconName; size?: number}): JSX.Element {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8"
         stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function viaIcon(via: string | undefined): IconName {
  return via !== undefined && via in PATHS ? (via as IconName) : 'unknown';
}
